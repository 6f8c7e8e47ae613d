"""A run that goes on until it is sure enough: what each stage keeps, and what a kill leaves."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api.running import notes_of
from harness.core.errors import UsageError
from harness.core.progress import NoProgress
from harness.evaluation import refine as stages
from harness.evaluation.config import RunConfig, check_config
from harness.evaluation.execute import count_finished
from harness.evaluation.plan import Plan
from harness.evaluation.prepare import RunPlan, prepare
from harness.metrics.outlook import widest_drop
from harness.results.quantity import Quantity
from harness.results.rundir import Run, load_run
from tests.support.checkpoints import save_tiny_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


def plan(model: Path, out: Path, **options: Any) -> RunPlan:
    chosen = {"tasks": ("sentiment",), "limit": 12, "levels": ("character",), "scorers": "loglik"}
    own = {**chosen, "until": 0.01, "cells": 100, **options}
    return prepare(
        RunConfig(model=str(model), out=out, device="cpu", cache=False, resamples=100, **own)
    )


class Stopped(Exception):
    """The run was stopped here."""


class Watch(NoProgress):
    """Notes the cells of each stage; stops the run in a stage after so many answers."""

    def __init__(self, stop_in: int = 0, after: int = 30) -> None:
        self.totals: list[tuple[int, int]] = []
        self.computed = 0
        self._stop_in, self._after = stop_in, after

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        self.totals.append((total, finished))
        self.computed = 0

    def advance(self, answers: int) -> None:
        self.computed += answers
        if len(self.totals) == self._stop_in and self.computed >= self._after:
            raise Stopped


def refine(prepared: RunPlan, watch: Watch) -> Run:
    def report(run: Run) -> None:
        (run.path / "report.md").write_text(f"{run.manifest['design']['cells']} cells")

    return stages.refine(prepared, command="test", progress=watch, report=report)


def cells_of(plan: Plan) -> set[tuple[str, str]]:
    return {
        (variant.id, example.id)
        for task in plan.tasks
        for variant, examples in plan.examples_of(task)
        for example in examples
    }


def test_every_stage_holds_the_cells_of_the_one_before(model: Path, tmp_path: Path) -> None:
    options = {"tasks": ("sentiment", "topic"), "limit": None, "levels": ("character", "word")}
    for cells in (150, 700, 1500):
        prepared = plan(model, tmp_path / "run", cells=cells, **options)
        plans = [prepared.plan, *stages._stages(prepared, prepared.plan)]
        asked = [cells_of(one) for one in plans]
        assert all(small < large for small, large in itertools.pairwise(asked))
        assert asked[-1] == cells_of(prepared.full)
        assert all(len(large) <= 3 * len(small) for small, large in itertools.pairwise(asked))


def test_a_run_refines_to_the_full_grid_and_ends_as_one_that_began_there(
    model: Path, tmp_path: Path
) -> None:
    watch = Watch()
    cut = plan(model, tmp_path / "run", cells=64)
    run = refine(cut, watch)
    assert len(watch.totals) >= 3
    for (total, _), (_, stored) in itertools.pairwise(watch.totals):
        assert stored == total
    full = refine(plan(model, tmp_path / "full", cells=10_000), Watch())
    assert run.manifest["design"] == {
        **full.manifest["design"],
        "layers": [cut.fitted.instructions],
    }
    for level in ("clean", "character"):
        assert run.summary.levels[level].accuracy == full.summary.levels[level].accuracy
        assert run.summary.levels[level].drop == full.summary.levels[level].drop
    assert not (tmp_path / "run" / stages.STAGE).exists()


def test_a_run_stops_when_its_drop_is_sure_enough(model: Path, tmp_path: Path) -> None:
    watch = Watch()
    run = refine(plan(model, tmp_path / "run", until=90.0), watch)
    assert len(watch.totals) == 1
    assert (widest_drop(run.summary) or 1) <= 0.9


def test_a_level_whose_drop_has_no_interval_is_not_sure_enough(model: Path, tmp_path: Path) -> None:
    """Its own interval is unknown, and the other level's does not speak for it."""
    run = refine(plan(model, tmp_path / "run", until=90.0, levels=("character", "word")), Watch())
    levels = run.summary.levels
    assert (widest_drop(run.summary) or 1) <= 0.9
    unknown = replace(levels["word"], drop=Quantity(0.1, None))
    summary = replace(run.summary, levels={**levels, "word": unknown})
    assert widest_drop(summary) is None


def test_what_stops_a_stage_leaves_the_last_report_and_the_same_command_goes_on(
    model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    watch = Watch(stop_in=2)
    with pytest.raises(Stopped):
        refine(plan(model, out, window=16), watch)
    left = load_run(out)
    assert left.manifest["design"]["cells"] == watch.totals[0][0]
    assert (out / "report.md").read_text() == f"{watch.totals[0][0]} cells"
    again = Watch()
    run = refine(plan(model, out, window=16), again)
    assert again.totals[0][0] == watch.totals[1][0]
    assert again.totals[0][1] > watch.totals[0][0]  # nor is the stopped stage's work lost
    assert load_run(out).manifest["design"]["cells"] == run.manifest["design"]["full_cells"]
    assert refine(plan(model, out, window=16), done := Watch()).path == out
    assert done.totals == []
    whole = refine(plan(model, tmp_path / "whole", window=16), Watch())
    assert run.summary == whole.summary


def test_what_is_said_before_the_start_is_true_of_a_run_that_goes_on(
    model: Path, tmp_path: Path
) -> None:
    """The folder may hold a later stage: the first is where the run begins, not all it asks."""
    prepared = plan(model, tmp_path / "run", cells=64)
    (said,) = [note for note in notes_of(prepared) if "cells" in note]
    assert said.startswith(f"begins with {prepared.plan.cells:,} of {prepared.full.cells:,} cells")
    assert "goes on until drops are known to within 0.01 points" in said
    refine(prepared, Watch())
    assert count_finished(plan(model, tmp_path / "run", cells=64)) == prepared.plan.cells


def test_an_end_of_its_own_is_asked_for_once() -> None:
    for other in ({"full": True}, {"precision": 2.0}):
        with pytest.raises(UsageError, match="say differently when the run ends"):
            check_config(RunConfig.model_validate({"model": "m", "until": 2.0, **other}))
