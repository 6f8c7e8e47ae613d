"""Evaluate several models, one after the other: what `harness run` with several `--model` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.api.comparing import Comparison, compare_runs
from harness.api.models import loader
from harness.api.results import Run
from harness.api.running import evaluate
from harness.core.errors import HarnessError
from harness.core.progress import Progress
from harness.evaluation.config import RunConfig
from harness.evaluation.cost import Estimate
from harness.evaluation.many import PAGES, ManyPlan
from harness.evaluation.pilot import estimate_run
from harness.evaluation.prepare import RunPlan, prepare
from harness.models import Model, ModelSpec, load_model

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that could not be evaluated, and why."""

    name: str
    model: str
    error: HarnessError


@dataclass(frozen=True, slots=True)
class ManyRuns:
    """What became of several models: their runs, what was found between them, and who failed."""

    folder: Path
    """Where the page about all of them lies."""
    runs: tuple[Run, ...]
    """The finished ones, in the order in which their models were named."""
    failures: tuple[Failure, ...]
    comparison: Comparison | None
    """The first finished run against each other one; None where they cannot be compared."""
    unlike: str | None = None
    """Why they cannot."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """What one of several models is going to be asked, and what that takes."""

    name: str
    model: str
    out: Path
    estimate: Estimate


def evaluate_many(
    plan: ManyPlan, *, command: str, begin: Callable[[int, RunPlan], Progress]
) -> ManyRuns:
    """Evaluate each model, then write the page about all; a model that fails leaves the others.

    One model is in memory at a time; of adapters that follow each other on one base the base stays,
    and they are switched on it. Runs that are finished are not asked again.

    Args:
        plan: the models, and where their runs lie.
        command: what resumes them, for their manifests.
        begin: told the place of a model and what it is going to be asked; returns what is told how
            far it is.
    """
    otherwise = _loader()

    def run(place: int, config: RunConfig) -> Run:
        with loader(config, otherwise) as load:
            prepared = prepare(config, load=load)
            return evaluate(prepared, command=command, progress=begin(place, prepared))

    runs, failures = _each(plan, run)
    comparison, unlike = _compare(runs, plan.configs[0].confidence)
    if len(runs) > 1:
        _write_page(runs, comparison, plan.folder)
    return ManyRuns(plan.folder, tuple(runs), failures, comparison, unlike)


def estimate_many(plan: ManyPlan) -> tuple[list[PlannedRun], tuple[Failure, ...]]:
    """Return what each model is going to be asked and how long that takes; nothing is written."""
    otherwise = _loader()

    def estimate(place: int, config: RunConfig) -> PlannedRun:
        with loader(config, otherwise) as load:
            prepared = prepare(config, load=load)
            return PlannedRun(plan.names[place], config.model, prepared.out, estimate_run(prepared))

    return _each(plan, estimate)


def _loader() -> Callable[[ModelSpec], Model]:
    from harness.models.loading.kept_base import KeptBase

    return partial(load_model, kept=KeptBase())


def _each(
    plan: ManyPlan, act: Callable[[int, RunConfig], T]
) -> tuple[list[T], tuple[Failure, ...]]:
    done: list[T] = []
    failures: list[Failure] = []
    for place, config in enumerate(plan.configs):
        try:
            done.append(act(place, config))
        except HarnessError as error:
            failures.append(Failure(plan.names[place], config.model, error))
    return done, tuple(failures)


def _compare(runs: Sequence[Run], confidence: float) -> tuple[Comparison | None, str | None]:
    if len(runs) < 2:
        return None, None
    try:
        return compare_runs(runs, confidence=confidence), None
    except HarnessError as error:
        return None, str(error)


def _write_page(runs: Sequence[Run], comparison: Comparison | None, folder: Path) -> None:
    from reports import write_report

    for page in PAGES:
        write_report(runs, page.removeprefix("report."), folder / page, comparison)
