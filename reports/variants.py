"""Single variants: the worst ones with their marks, and every one as a dot on an accuracy scale."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.core.records import Variant
from harness.results.summary import Summary, WorstVariant
from reports.diff import Mark, word_marks
from reports.reading import GroupView, Reading


@dataclass(frozen=True, slots=True)
class WorstVariantView:
    """A variant that lost much: its numbers, and what it changed."""

    stats: WorstVariant
    reading: Reading
    """What its drop can be called beside those of all other variants."""
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One variant's accuracy."""

    accuracy: float
    perturbation: str
    instruction_id: str
    text: str


@dataclass(frozen=True, slots=True)
class DotRow:
    """The variants of one task and level, worst first."""

    task: str
    level: str
    dots: tuple[Dot, ...]

    @property
    def worst(self) -> Dot:
        """The variant with the lowest accuracy."""
        return self.dots[0]

    @property
    def best(self) -> Dot:
        """The variant with the highest accuracy."""
        return self.dots[-1]


@dataclass(frozen=True, slots=True)
class Instructions:
    """The extremes of a task's clean instructions, and whether they differ at all."""

    worst: Dot
    best: Dot
    group: GroupView
    """The clean measures of the task."""
    judged: bool

    @property
    def differ(self) -> bool:
        """Whether the instructions differ by more than chance explains."""
        return self.judged and self.group.spread_is_significant

    @property
    def reading(self) -> str:
        """What their spread can honestly be called."""
        if not self.judged:
            return Reading.NOT_JUDGED.value
        return "significant" if self.differ else Reading.NOT_SIGNIFICANT.value


def worst_variants(
    summary: Summary, variants: Iterable[Variant], limit: int = 10
) -> tuple[WorstVariantView, ...]:
    """The variants with the largest drops, those whose drop is significant first.

    Those of tasks that are not judged come last.
    """
    by_id = {variant.id: variant for variant in variants}
    views = [
        WorstVariantView(worst, _read(worst, summary), _marks(by_id.get(worst.variant_id)))
        for worst in summary.worst_variants
        if worst.drop.value > 0
    ]
    return tuple(sorted(views, key=lambda view: view.reading is Reading.NOT_JUDGED)[:limit])


def _read(worst: WorstVariant, summary: Summary) -> Reading:
    task = summary.tasks.get(worst.task)
    if task is not None and task.above_chance is False:
        return Reading.NOT_JUDGED
    significant = worst.drop_p_adjusted < 1 - summary.confidence
    return Reading.DROP if significant else Reading.NOT_SIGNIFICANT


def dot_rows(summary: Summary, variants: Iterable[Variant]) -> tuple[DotRow, ...]:
    """Every variant's accuracy, by task and level."""
    rows: dict[tuple[str, str], list[tuple[float, str, Dot]]] = {}
    for variant in variants:
        stats = summary.variants.get(variant.id)
        if stats is not None:
            dot = Dot(stats.accuracy, variant.perturbation, variant.instruction_id, variant.text)
            key = (variant.task, variant.level)
            rows.setdefault(key, []).append((dot.accuracy, variant.id, dot))
    return tuple(
        DotRow(task, level, tuple(dot for _, _, dot in sorted(dots, key=lambda item: item[:2])))
        for (task, level), dots in rows.items()
    )


def variant_marks(
    variants: Iterable[Variant], wanted: Collection[str]
) -> Mapping[str, tuple[Mark, ...]]:
    """Variant id -> what it changed, for those `wanted`."""
    return {variant.id: _marks(variant) for variant in variants if variant.id in wanted}


def _marks(variant: Variant | None) -> tuple[Mark, ...]:
    return () if variant is None else word_marks(variant.original, variant.text)
