"""A history as an answer: what was found, what was selected, its trends; as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import NothingToEvaluateError
from harness.history.changes import Change
from harness.history.entry import RunEntry
from harness.history.refresh import History
from harness.history.select import Metric, Selection, select_runs
from harness.history.trends import Trend, make_trends
from harness.results.jsonfiles import Json
from harness.results.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Answer:
    """The runs and trends that were asked for."""

    folders: tuple[Path, ...]
    runs: tuple[RunEntry, ...]
    copies: dict[str, str]
    """Path of a run -> the directory that it is a copy of."""
    trends: tuple[Trend, ...]
    notes: tuple[str, ...]
    margin: float
    """A change counts only if its whole interval is farther from 0 than this fraction."""

    @property
    def finished(self) -> tuple[RunEntry, ...]:
        """The runs with results."""
        return tuple(run for run in self.runs if run.state == "finished")

    @property
    def others(self) -> tuple[RunEntry, ...]:
        """The runs without, each with its reason."""
        return tuple(run for run in self.runs if run.state != "finished")


def answer(
    history: History,
    wanted: Selection,
    *,
    metric: Metric = "accuracy",
    across_models: bool = False,
    margin: float = 0.0,
) -> Answer:
    """What a history says to a selection.

    Args:
        history: the runs that were found.
        wanted: which of them, and which tasks and levels are followed.
        metric: what is followed.
        across_models: follow all models' runs as one trend, by date.
        margin: a change counts only if its whole interval is farther from 0 than this fraction.

    Returns:
        The selected runs with their trends; change points are tested as one family.

    Raises:
        UnknownNameError: no run has a model, a task or a level of a name that is asked for.
        NothingToEvaluateError: there is no run, or none is what is asked for.
    """
    runs = select_runs(history.entries, wanted)
    if not runs:
        raise _nothing(history)
    trends = make_trends(
        runs, history.scores, wanted, metric=metric, across_models=across_models, margin=margin
    )
    return Answer(history.folders, runs, _copies(runs), trends, history.notes, margin)


def _nothing(history: History) -> NothingToEvaluateError:
    below = ", ".join(map(str, history.folders))
    if history.entries:
        return NothingToEvaluateError(
            f"{len(history.entries):,} runs stand below {below}, and none of them is asked for.",
            hint="Ask for less with --model, --task and --since.",
        )
    return NothingToEvaluateError(
        f"no run stands below {below} (a run is a folder with a run.json).",
        hint="A run is made by: harness run --model MODEL --out runs/first.",
    )


def _copies(runs: Sequence[RunEntry]) -> dict[str, str]:
    """Path of a run -> the directory that it is a copy of: the first with the same seal."""
    first: dict[str, str] = {}
    for run in runs:
        if run.seal:
            first.setdefault(run.seal, run.path)
    return {run.path: first[run.seal] for run in runs if run.seal and first[run.seal] != run.path}


def answer_json(found: Answer) -> Json:
    """The answer in plain JSON types."""
    return {
        "folders": [str(folder) for folder in found.folders],
        "notes": list(found.notes),
        "margin": found.margin,
        "runs": [_run_json(run, found.copies.get(run.path)) for run in found.runs],
        "trends": [_trend_json(trend) for trend in found.trends],
    }


def table_rows(found: Answer) -> Iterator[Json]:
    """One row per run, task and level; without task, the mean over the run's tasks."""
    for run in found.runs:
        said = {key: value for key, value in _run_json(run, None).items() if key in RUN_COLUMNS}
        for measure in run.measures:
            yield {
                **said,
                "task": measure.task,
                "level": measure.level,
                "metric": measure.metric,
                "value": measure.accuracy.value if measure.accuracy else None,
                "low": measure.accuracy.low if measure.accuracy else None,
                "high": measure.accuracy.high if measure.accuracy else None,
                "drop": measure.drop.value if measure.drop else None,
                "drop_low": measure.drop.low if measure.drop else None,
                "drop_high": measure.drop.high if measure.drop else None,
                "cells": measure.cells,
                "examples": measure.examples,
            }


RUN_COLUMNS = ("path", "run_id", "model", "date", "seed", "scorer")
"""Of a table's row: what is the run's."""


def _run_json(run: RunEntry, copy_of: str | None) -> Json:
    return {
        "path": run.path,
        "state": run.state,
        "reason": run.reason or None,
        "copy_of": copy_of,
        "run_id": run.run_id,
        "model": run.model,
        "date": run.iso_date,
        "seed": run.seed,
        "scorer": run.scorer,
        "tasks": list(run.tasks),
        "cells": run.cells,
    }


def _trend_json(trend: Trend) -> Json:
    steps = [None, *trend.steps]
    return {
        "model": trend.model,
        "tasks": list(trend.tasks),
        "level": trend.level,
        "metric": trend.metric,
        "points": [
            {
                "path": point.run.path,
                "run_id": point.run.run_id,
                "date": point.run.iso_date,
                **_quantity_json(point.value),
                "change": None if step is None else _change_json(step),
            }
            for point, step in zip(trend.points, steps, strict=True)
        ],
        "overall": None if trend.overall is None else _change_json(trend.overall),
    }


def _change_json(change: Change) -> Json:
    return {
        **_quantity_json(change.difference),
        "paired": change.paired,
        "p": change.p,
        "p_adjusted": change.p_adjusted,
        "significant": change.significant,
    }


def _quantity_json(quantity: Quantity) -> Json:
    interval = None if quantity.interval is None else list(quantity.interval)
    return {"value": quantity.value, "interval": interval}
