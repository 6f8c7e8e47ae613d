"""The summary's numbers as rows: by level, by task and level, by perturbation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.core.records import CLEAN
from harness.results.summary import Outlook, Perturbed, Summary, TaskSummary, common_metric
from reports.reading import GroupView, Reading, read_group, read_levels

_SMALLEST_SHOWN: Final = 0.0005
"""The smallest drop that is not written as 0.0 points."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task: what guessing scores, and its levels."""

    name: str
    labels: tuple[str, ...]
    chance: float
    largest_gold_share: float | None
    """What a constant answer scores: the share of the most frequent gold label."""
    above_chance: bool
    levels: Mapping[str, GroupView]

    @property
    def clean(self) -> GroupView | None:
        """The clean instructions' measures."""
        return self.levels.get(CLEAN)


@dataclass(frozen=True, slots=True)
class PerturbationRow:
    """One perturbation over all tasks."""

    name: str
    level: str
    group: GroupView


@dataclass(frozen=True, slots=True)
class Tables:
    """Every number of one run's summary, shaped."""

    levels: Mapping[str, GroupView]
    tasks: tuple[TaskRow, ...]
    perturbations: tuple[PerturbationRow, ...]
    """The largest drop first."""
    chance: float | None
    """Accuracy of guessing, averaged over tasks as the levels are."""
    perturbed: Perturbed | None
    """All perturbed cells together."""
    outlook: Outlook | None = None
    """What a part of the grid finds and all of it would; None where all was asked."""
    metric: str = "accuracy"
    """What the mean score is called; `score` where tasks differ in that."""

    @property
    def measured(self) -> bool:
        """Whether any level has a drop to speak of, larger or smaller than zero."""
        return any(group.stats.drop for group in self.levels.values())

    @property
    def judged(self) -> bool:
        """Whether any task's clean accuracy is above chance."""
        return not self.tasks or any(task.above_chance for task in self.tasks)


def build_tables(summary: Summary) -> Tables:
    """The tables of a run's summary."""
    confidence = summary.confidence
    tasks = tuple(_task_row(name, task, confidence) for name, task in summary.tasks.items())
    judged = not tasks or any(task.above_chance for task in tasks)
    return Tables(
        levels=read_levels(summary.levels, above_chance=judged, confidence=confidence),
        tasks=tasks,
        perturbations=_perturbation_rows(summary, above_chance=judged),
        chance=summary.chance,
        perturbed=summary.perturbed,
        outlook=summary.outlook,
        metric=common_metric(task.metric for task in summary.tasks.values()),
    )


def _task_row(name: str, task: TaskSummary, confidence: float) -> TaskRow:
    above_chance = task.above_chance is not False
    return TaskRow(
        name=name,
        labels=tuple(task.labels),
        chance=task.chance,
        largest_gold_share=task.largest_gold_share,
        above_chance=above_chance,
        levels=read_levels(task.levels, above_chance=above_chance, confidence=confidence),
    )


def _perturbation_rows(summary: Summary, *, above_chance: bool) -> tuple[PerturbationRow, ...]:
    rows = [
        PerturbationRow(
            name=name,
            level=_level_of(name, summary),
            group=read_group(
                stats, is_clean=False, above_chance=above_chance, confidence=summary.confidence
            ),
        )
        for name, stats in summary.perturbations.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-_drop(row.group), row.name)))


def _level_of(perturbation: str, summary: Summary) -> str:
    validity = summary.validity.get(perturbation)
    return (validity.level if validity else None) or ""


def _drop(group: GroupView) -> float:
    return group.stats.drop.value if group.stats.drop else float("-inf")


def significant_drops(levels: Mapping[str, GroupView]) -> list[tuple[str, GroupView]]:
    """The levels whose drop is significant, the largest first."""
    found = [item for item in levels.items() if item[1].reading is Reading.DROP]
    return sorted(found, key=lambda item: -_drop(item[1]))


def largest_drop(levels: Mapping[str, GroupView]) -> tuple[str, GroupView] | None:
    """The level with the largest drop, significant or not; None where no level drops.

    A level whose accuracy is above clean accuracy has no drop, and neither has one whose drop would
    be written as 0.0 points.
    """
    drops = [item for item in levels.items() if _drop(item[1]) >= _SMALLEST_SHOWN]
    return max(drops, key=lambda item: _drop(item[1]), default=None)
