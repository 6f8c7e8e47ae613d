"""Differences of metrics between two aligned runs, by level and task, with their tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.core.records import in_level_order
from harness.metrics.grid import Grid, Group
from harness.metrics.measures import Measured, average, get_measure, measure, measure_difference
from harness.stats.arrays import Singles
from harness.stats.estimate import Estimate, Interval, Over, mean_of
from harness.stats.multiplicity import holm
from harness.stats.power import minimum_detectable_effect


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of one group of cells in two runs, and second - first."""

    metric: str
    level: str
    task: str | None
    """None: the plain mean over tasks."""
    first: float
    second: float
    value: float
    interval: Interval | None
    p: float
    """Two-sided, that there is no difference; NaN where it cannot be tested."""
    p_adjusted: float
    """By Holm: over the levels for means over tasks, over levels and tasks for single tasks."""
    detectable: float | None
    """The difference that this much data would show four times in five."""
    better: Literal["first", "second"] | None
    """The run that is better at this metric, where the adjusted p value says so."""
    over: Over
    prompts: int
    examples: int
    cells: int


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs' grids of one task, laid out alike, and their prompts' resampled means."""

    first: Grid
    second: Grid
    resampled: tuple[Singles, Singles]
    """Of the first and of the second, from the same resamples."""

    def groups(self, level: str) -> tuple[Group, Group] | None:
        """Both runs' cells of a level; None where it has none."""
        rows = self.first.rows(level=level)
        first, second = self.first.group(rows), self.second.group(rows)
        return (first, second) if first and second else None


@dataclass(frozen=True, slots=True)
class _Part:
    """One task's share in a difference."""

    first: Measured
    second: Measured
    difference: Estimate
    prompts: int
    examples: int
    cells: int


def levels_of(grids: Sequence[Grid]) -> list[str]:
    """The levels that there are, from clean to semantic, others after them by name."""
    return in_level_order(level for grid in grids for level in grid.levels)


def measure_differences(
    tasks: Mapping[str, Paired], metrics: Sequence[str], *, confidence: float
) -> tuple[Difference, ...]:
    """Each metric's differences: by level over all tasks, then by task and level.

    Raises:
        UnknownNameError: no such metric.
    """
    found: list[Difference] = []
    for metric in metrics:
        over_tasks, single = _parts_by_level(tasks, metric)
        for rows in (over_tasks, single):
            found += _adjust(
                [_difference(metric, *row, confidence=confidence) for row in rows], confidence
            )
    return tuple(found)


_Row = tuple[str, str | None, Sequence[_Part]]


def _parts_by_level(tasks: Mapping[str, Paired], metric: str) -> tuple[list[_Row], list[_Row]]:
    """The rows over all tasks, and the rows of single tasks."""
    over_tasks: list[_Row] = []
    single: list[_Row] = []
    for level in levels_of([pair.first for pair in tasks.values()]):
        parts = {task: _measure_part(pair, level, metric) for task, pair in tasks.items()}
        known = {task: part for task, part in parts.items() if part is not None}
        if known:
            over_tasks.append((level, None, list(known.values())))
            single += [(level, task, [part]) for task, part in known.items()]
    return over_tasks, single


def _measure_part(pair: Paired, level: str, metric: str) -> _Part | None:
    groups = pair.groups(level)
    if groups is None:
        return None
    first = measure(metric, groups[0], pair.resampled[0])
    second = measure(metric, groups[1], pair.resampled[1])
    difference = measure_difference(metric, groups[1], groups[0], pair.resampled[::-1])
    if first is None or second is None or difference is None:
        return None
    group = groups[0]
    cells = int(group.present.sum())
    return _Part(first, second, difference, len(group.variants), len(group.examples), cells)


def _difference(
    metric: str, level: str, task: str | None, parts: Sequence[_Part], *, confidence: float
) -> Difference:
    estimate = mean_of([part.difference for part in parts])
    return Difference(
        metric=metric,
        level=level,
        task=task,
        first=average([part.first for part in parts]).value,
        second=average([part.second for part in parts]).value,
        value=estimate.value,
        interval=estimate.interval(confidence),
        p=estimate.p_value(),
        p_adjusted=math.nan,
        detectable=minimum_detectable_effect(estimate, confidence=confidence),
        better=None,
        over=estimate.over,
        prompts=sum(part.prompts for part in parts),
        examples=sum(part.examples for part in parts),
        cells=sum(part.cells for part in parts),
    )


def _adjust(family: Sequence[Difference], confidence: float) -> list[Difference]:
    """The differences with p values adjusted for being tested together, and their winners."""
    adjusted = holm([one.p for one in family])
    return [
        replace(one, p_adjusted=p, better=_winner(one) if p < 1 - confidence else None)
        for one, p in zip(family, adjusted, strict=True)
    ]


def _winner(one: Difference) -> Literal["first", "second"]:
    rises = one.value > 0
    return "second" if rises == (get_measure(one.metric).better == "higher") else "first"
