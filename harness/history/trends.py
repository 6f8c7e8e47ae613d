"""Trends: what one model scores at one level, run after run, and where that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from harness.core.records import CLEAN, LEVELS
from harness.history.changes import Change, Observation, adjust, measure_steps
from harness.history.entry import ExampleScores, RunEntry
from harness.history.index import ScoresByRun
from harness.history.select import Metric, Selection
from harness.results.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Point:
    """A run on a trend."""

    run: RunEntry
    value: Quantity


class ChangePoint(NamedTuple):
    """A significant change from one run to the next."""

    change: Change
    before: Point
    after: Point
    level: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Runs that asked the same tasks at one level, the oldest first."""

    model: str | None
    """None: of whatever model."""
    tasks: tuple[str, ...]
    """Whose mean it is; one where a task was asked for."""
    level: str
    metric: str
    """What is followed: drop, or what the mean score is called (accuracy, token F1 …)."""
    points: tuple[Point, ...]
    steps: tuple[Change, ...]
    """From each run to the next."""
    overall: Change | None
    """From the first run to the last; None where that is the only step, or there is none."""

    @property
    def change_points(self) -> tuple[ChangePoint, ...]:
        """The steps that are significant, each with the points before and after it."""
        moves = zip(self.steps, pairwise(self.points), strict=True)
        return tuple(
            ChangePoint(step, *ends, self.level) for step, ends in moves if step.significant
        )


def make_trends(
    entries: Sequence[RunEntry],
    scores: ScoresByRun,
    wanted: Selection,
    *,
    metric: Metric = "accuracy",
    across_models: bool = False,
    margin: float = 0.0,
) -> tuple[Trend, ...]:
    """The trends of finished runs, with all changes of all of them tested as one family.

    Args:
        entries: runs, the oldest first; copies of one run count once.
        scores: theirs by example, where they are known.
        wanted: tasks make a trend for each of them, else there is one over all tasks of a run;
            levels, where they are named, are the only ones followed.
        metric: what is followed.
        across_models: follow all runs together instead of each model's.
        margin: a change counts only if its whole interval is farther from 0 than this fraction.

    Returns:
        Trends by model, tasks and level; a change in one is significant where its p value, by
        Holm's correction over the changes of all of them, is below 5 %.
    """
    runs = _finished(entries)
    trends = [
        _trend(key, points, scores, metric)
        for key, points in _series(runs, wanted, metric, across_models).items()
    ]
    family = [change for trend in trends for change in _changes(trend)]
    adjusted = iter(adjust(family, margin))
    return tuple(_adjusted(trend, adjusted) for trend in trends)


_Key: TypeAlias = tuple[str | None, tuple[str, ...], str | None, str, str]
"""Model, tasks, the one task that was asked for, scorer, level."""


def _finished(entries: Sequence[RunEntry]) -> list[RunEntry]:
    runs = [entry for entry in entries if entry.state == "finished"]
    return list({entry.seal: entry for entry in reversed(runs)}.values())[::-1]


def _series(
    runs: Sequence[RunEntry], wanted: Selection, metric: Metric, across_models: bool
) -> dict[_Key, list[Point]]:
    found: dict[_Key, list[Point]] = {}
    for run in runs:
        for task in wanted.tasks or (None,):
            tasks = run.tasks if task is None else (task,)
            for measure in run.measures:
                value = measure.accuracy if metric == "accuracy" else measure.drop
                followed = not wanted.levels or measure.level in wanted.levels
                if measure.task != task or value is None or not followed:
                    continue
                if metric == "drop" and measure.level == CLEAN:
                    continue
                model = None if across_models else run.model
                key = (model, tuple(sorted(tasks)), task, run.scorer, measure.level)
                found.setdefault(key, []).append(Point(run, value))
    return dict(sorted(found.items(), key=lambda one: _order(one[0])))


def _order(key: _Key) -> tuple[object, ...]:
    model, tasks, _, scorer, level = key
    place = LEVELS.index(level) if level in LEVELS else len(LEVELS)
    return model or "", tasks, scorer, place, level


def _trend(key: _Key, points: Sequence[Point], scores: ScoresByRun, metric: Metric) -> Trend:
    model, tasks, task, _, level = key
    first = points[0].run.measure(task, level)
    followed = [
        _observe(point, scores.get(point.run.path, {}), tasks, level, metric) for point in points
    ]
    steps = measure_steps(followed)
    ends = measure_steps([followed[0], followed[-1]]) if len(points) > 2 else ()
    return Trend(
        model=model,
        tasks=tasks,
        level=level,
        metric="drop" if metric == "drop" or first is None else first.metric,
        points=tuple(points),
        steps=steps,
        overall=ends[0] if ends else None,
    )


def _observe(
    point: Point,
    scores: Mapping[tuple[str, str], ExampleScores],
    tasks: Sequence[str],
    level: str,
    metric: Metric,
) -> Observation:
    """A point with what it can be paired by: each task's scores, of a drop those lost."""
    levels = (level,) if metric == "accuracy" else (CLEAN, level)
    found = [[scores.get((task, one)) for one in levels] for task in tasks]
    known = [[one for one in row if one is not None] for row in found]
    if any(len(row) < len(levels) or len({len(one.means) for one in row}) > 1 for row in known):
        return Observation(point.value, point.run.confidence)
    cells = b"".join(one.cells for row in known for one in row)
    means = [[np.frombuffer(one.means, dtype=np.float32) for one in row] for row in known]
    followed = tuple(row[0] if len(row) == 1 else row[0] - row[1] for row in means)
    return Observation(point.value, point.run.confidence, cells, followed)


def _changes(trend: Trend) -> tuple[Change, ...]:
    return trend.steps if trend.overall is None else (*trend.steps, trend.overall)


def _adjusted(trend: Trend, changes: Iterator[Change]) -> Trend:
    steps = tuple(next(changes) for _ in trend.steps)
    overall = None if trend.overall is None else next(changes)
    return replace(trend, steps=steps, overall=overall)
