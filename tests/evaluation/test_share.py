"""A run that asks a share of its grid: what it asks, how it grows, and what it is said to cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.evaluation.budget import DEFAULT_CELLS, FEWEST_INSTRUCTIONS, FEWEST_SHARE
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import RunPlan, prepare
from tests.support.checkpoints import save_tiny_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


def plan(model: Path, out: Path | None, **options: Any) -> RunPlan:
    chosen = {"tasks": ("sentiment",), "limit": 12, "instructions": 2, "scorers": "loglik"}
    return prepare(
        RunConfig(model=str(model), out=out, device="cpu", cache=False, **{**chosen, **options})
    )


def summary(model: Path, out: Path, **options: Any) -> dict[str, Any]:
    execute(plan(model, out, **options), command="test")
    found: dict[str, Any] = json.loads((out / "summary.json").read_text("utf-8"))
    return found


def numbers(record: Any, name: str = "") -> dict[str, Any]:
    """Every value of nested JSON by its path: likelihoods differ in their last bits by batch."""
    if not isinstance(record, dict | list):
        return {name: record}
    items = record.items() if isinstance(record, dict) else enumerate(record)
    return {k: v for key, value in items for k, v in numbers(value, f"{name}.{key}").items()}


def test_clean_cells_are_all_asked_and_the_others_in_part(model: Path, tmp_path: Path) -> None:
    full = summary(model, tmp_path / "full", levels=("character", "word"))
    part = summary(model, tmp_path / "part", levels=("character", "word"), share=0.25)
    assert part["levels"]["clean"] == full["levels"]["clean"]
    for level in ("character", "word"):
        asked, there = part["levels"][level]["cells"], full["levels"][level]["cells"]
        assert asked == pytest.approx(there / 4, abs=12)


def test_a_share_grows_into_the_full_grid(model: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"levels": ("character",)}
    full = summary(model, tmp_path / "full", **options)
    for share in (0.2, 0.6):
        summary(model, tmp_path / "grown", share=share, **options)
    grown = summary(model, tmp_path / "grown", full=True, **options)
    assert numbers(grown) == pytest.approx(numbers(full), abs=1e-6)
    with pytest.raises(UsageError, match="100% of its grid"):
        summary(model, tmp_path / "grown", share=0.5, **options)


def test_growing_computes_only_what_is_new(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    few = execute(plan(model, out, levels=("character",), share=0.3), command="test").manifest
    whole = execute(plan(model, out, levels=("character",), full=True), command="test").manifest
    assert few["timing"]["cells"] == few["design"]["cells"]
    # Without a cache of responses:
    assert whole["timing"]["cells"] == whole["design"]["cells"] - few["design"]["cells"]


def test_a_budget_becomes_a_share(model: Path, tmp_path: Path) -> None:
    prepared = plan(model, tmp_path / "run", cells=150)
    assert 0 < prepared.plan.design.share < 1
    assert prepared.plan.cells == pytest.approx(150, abs=24)
    assert sum(lengths.cells for lengths in prepared.lengths) == prepared.plan.cells


def test_a_budget_below_the_clean_cells_is_an_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="instructions alone have 24"):
        plan(model, tmp_path / "run", cells=24)


def test_a_share_and_a_budget_together_are_an_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="say differently how much"):
        plan(model, tmp_path / "run", cells=200, share=0.5)


def test_a_precision_stops_within_the_share(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    execute(plan(model, out, levels=("character",), share=0.5, precision=1.0), command="test")
    manifest = json.loads((out / "run.json").read_text("utf-8"))
    assert manifest["precision"]["cells_saved"] == 0
    assert manifest["design"]["share"] == 0.5
    assert manifest["design"]["cells"] < manifest["design"]["full_cells"]


def test_the_default_budget_leaves_small_runs_whole(model: Path, tmp_path: Path) -> None:
    prepared = plan(model, tmp_path / "run")
    assert prepared.fitted.is_full
    assert prepared.plan.design.is_full


def test_the_default_budget_cuts_cells_then_instructions(model: Path, tmp_path: Path) -> None:
    tasks = ("sentiment", "topic", "inference")
    options = {"tasks": tasks, "limit": None, "instructions": None}
    default = plan(model, tmp_path / "a", **options)
    assert default.fitted.cells == pytest.approx(DEFAULT_CELLS, rel=0.05)
    assert default.fitted.instructions == default.fitted.of_instructions
    less = plan(model, tmp_path / "b", cells=2600, **options)
    assert less.fitted.cells == pytest.approx(2600, rel=0.05)
    assert less.fitted.share >= FEWEST_SHARE
    assert FEWEST_INSTRUCTIONS <= less.fitted.instructions < less.fitted.of_instructions
    assert less.fitted.examples == less.fitted.of_examples
    kept = plan(model, tmp_path / "c", **{**options, "instructions": 6, "limit": 96, "cells": 2600})
    assert kept.fitted.instructions == 6
    assert kept.fitted.cells == pytest.approx(2600, rel=0.05)
    assert kept.fitted.share < FEWEST_SHARE


def test_a_part_says_what_it_finds_and_what_the_whole_would(model: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"levels": ("character",), "limit": 30, "instructions": 4}
    part = summary(model, tmp_path / "part", share=0.2, **options)
    outlook, drop = part["outlook"], part["levels"]["character"]["drop_detectable"]
    assert outlook["cells"] == part["levels"]["clean"]["cells"] * 2
    assert outlook["full_cells"] == 30 * 24
    assert outlook["drop_detectable"] == drop
    assert 0 < outlook["drop_detectable_full"] <= drop
    low, high = part["levels"]["character"]["drop_ci"]
    assert outlook["drop_half_width"] == pytest.approx((high - low) / 2)
    assert 0 < outlook["drop_half_width_full"] <= outlook["drop_half_width"]
    assert summary(model, tmp_path / "full", full=True, **options)["outlook"] is None


def test_a_run_that_is_cut_may_go_on_as_what_it_was_cut_from(model: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"limit": None, "instructions": None, "levels": ("character",)}
    few = summary(model, tmp_path / "run", cells=500, **options)
    assert few["outlook"]["cells"] == pytest.approx(500, abs=30)
    assert summary(model, tmp_path / "run", full=True, **options)["outlook"] is None
    names = {plan(model, None, cells=cells, **options).out.name for cells in (200, 300, 2000)}
    assert len(names) == 3  # none of them holds another's cells
    assert len({name.split("-")[2] for name in names}) == 1


def test_replayed_variants_are_asked_in_part_where_a_share_is_given(
    model: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"levels": ("character",)}
    made = summary(model, tmp_path / "made", full=True, **options)
    file = tmp_path / "made" / "variants.jsonl"
    part = summary(model, tmp_path / "part", share=0.5, variants=file)
    whole = summary(model, tmp_path / "part", full=True, variants=file)
    assert part["levels"]["character"]["cells"] * 2 == made["levels"]["character"]["cells"]
    assert whole["levels"]["character"]["accuracy"] == made["levels"]["character"]["accuracy"]


def test_examples_go_last(model: Path, tmp_path: Path) -> None:
    small = plan(model, tmp_path / "a", limit=None, instructions=None, cells=200)
    assert small.fitted.instructions == FEWEST_INSTRUCTIONS
    assert small.fitted.examples < small.fitted.of_examples
    assert small.fitted.cells == pytest.approx(200, abs=40)
