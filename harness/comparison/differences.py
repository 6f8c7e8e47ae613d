"""Differences of metrics between two aligned runs, by level and task, with their tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
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
    """By Holm, over all metrics together: over their levels for means over tasks, over their levels
    and tasks for single tasks."""
    detectable: float | None
    """The difference that would be significant four times in five, Holm's correction included."""
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
    measured = [
        [_difference(metric, *row, confidence=confidence) for row in rows]
        for metric in metrics
        for rows in _parts_by_level(tasks, metric)
    ]
    # Means over tasks stand beside each other whatever their metric, and so do single tasks.
    adjusted = [_adjust(list(chain(*measured[kind::2])), confidence) for kind in (0, 1)]
    found = (islice(adjusted[place % 2], len(own)) for place, own in enumerate(measured))
    return tuple(chain(*found))


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
) -> tuple[Difference, Estimate]:
    """The difference before it is seen beside others, and the estimate that it was read from."""
    estimate = mean_of([part.difference for part in parts])
    found = unadjusted(
        estimate,
        confidence=confidence,
        metric=metric,
        level=level,
        task=task,
        first=average([part.first for part in parts]).value,
        second=average([part.second for part in parts]).value,
        prompts=sum(part.prompts for part in parts),
        examples=sum(part.examples for part in parts),
        cells=sum(part.cells for part in parts),
    )
    return found, estimate


def unadjusted(
    estimate: Estimate,
    *,
    confidence: float,
    metric: str,
    level: str,
    task: str | None,
    first: float,
    second: float,
    prompts: int,
    examples: int,
    cells: int,
) -> Difference:
    """A difference as it is before it is seen beside others: its p value counts no other test."""
    return Difference(
        metric=metric,
        level=level,
        task=task,
        first=first,
        second=second,
        value=estimate.value,
        interval=estimate.interval(confidence),
        p=estimate.p_value(),
        p_adjusted=math.nan,
        detectable=None,
        better=None,
        over=estimate.over,
        prompts=prompts,
        examples=examples,
        cells=cells,
    )


def adjusted(
    one: Difference, estimate: Estimate, p: float, *, tests: int, confidence: float
) -> Difference:
    """A difference with its p value adjusted for so many tests, and its winner if there is one."""
    return replace(
        one,
        p_adjusted=p,
        detectable=minimum_detectable_effect(estimate, confidence=confidence, tests=tests),
        better=_winner(one) if p < 1 - confidence else None,
    )


def _adjust(
    family: Sequence[tuple[Difference, Estimate]], confidence: float
) -> Iterator[Difference]:
    """The differences with p values adjusted for being tested together, and their winners."""
    p_values = [one.p for one, _ in family]
    tests = max(1, sum(not math.isnan(p) for p in p_values))
    for (one, estimate), p in zip(family, holm(p_values), strict=True):
        yield adjusted(one, estimate, p, tests=tests, confidence=confidence)


def _winner(one: Difference) -> Literal["first", "second"]:
    rises = one.value > 0
    return "second" if rises == (get_measure(one.metric).better == "higher") else "first"
