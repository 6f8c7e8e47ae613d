"""One model under every scorer of its run: how much of the verdict is the scorer's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.core.records import CLEAN
from harness.results.quantity import Quantity
from harness.results.summary import ScorerSummary, Summary
from reports.formatting import MISSING, counted, listed, points
from reports.reading import GroupView, Reading, read_levels
from reports.tables import largest_drop, significant_drops

MEANING: Final[Mapping[str, str]] = {
    "calibrated": "the likeliest label, less what an input without content favours",
    "loglik": "the likeliest label",
    "generate": "the label found in generated text",
}
"""What a scorer takes for the answer."""


@dataclass(frozen=True, slots=True)
class ScorerRow:
    """A run as one scorer reads its answers."""

    name: str
    levels: Mapping[str, GroupView]
    above_chance: tuple[str, ...]
    """Tasks whose clean accuracy is significantly above chance."""
    tasks: int

    @property
    def meaning(self) -> str:
        """What this scorer takes for the answer."""
        return MEANING.get(self.name, "")

    @property
    def clean_accuracy(self) -> Quantity | None:
        """Over all tasks."""
        clean = self.levels.get(CLEAN)
        return clean.stats.accuracy if clean else None

    @property
    def clean_cells(self) -> int:
        """On how many cells clean accuracy rests."""
        clean = self.levels.get(CLEAN)
        return clean.stats.cells if clean else 0

    @property
    def judged(self) -> str:
        """How many tasks are above chance, in words."""
        return f"{len(self.above_chance)} of {counted(self.tasks, 'task')}"

    @property
    def largest(self) -> str:
        """The largest drop and its level."""
        found = largest_drop(self.levels)
        return f"{points(found[1].stats.drop)} ({found[0]})" if found else MISSING

    @property
    def reading_of_largest(self) -> Reading | None:
        """What the largest drop can be called; None where no level drops."""
        found = largest_drop(self.levels)
        return found[1].reading if found else None

    @property
    def significant(self) -> tuple[str, ...]:
        """The levels whose drop is significant, the largest first."""
        return tuple(level for level, _ in significant_drops(self.levels))

    @property
    def unparsed(self) -> float | None:
        """The largest share of a level's answers in which no label was found."""
        rates = [group.stats.unparsed_rate for group in self.levels.values()]
        return max((rate.value for rate in rates if rate is not None), default=None)

    @property
    def cells(self) -> int:
        """Cells of all levels."""
        return sum(group.stats.cells for group in self.levels.values())

    @property
    def verdict(self) -> str:
        """What this scorer would have the headline say."""
        if not self.above_chance:
            return "not significantly above chance on any task"
        above = f"above chance on {listed(self.above_chance)}"
        if set(self.levels) <= {CLEAN}:
            return above
        drops = self.significant
        if not drops:
            return f"{above}, without a significant drop"
        where = f"{listed(drops)} level{'s' * (len(drops) > 1)}"
        return f"{above}, with a significant drop at the {where}"


def build_scorer_rows(summary: Summary) -> tuple[ScorerRow, ...]:
    """A row per scorer, the headline's first; none where only one read the run's answers."""
    return tuple(_row(name, one, summary) for name, one in summary.scorers.items())


def scorer_sentence(rows: Sequence[ScorerRow]) -> str:
    """What to know where the verdict hangs on the scorer; empty where it does not.

    A scorer that read fewer cells finds less for that reason alone. So it speaks against the
    headline's only by what it finds, never by what it does not.
    """
    others = [row for row in rows[1:] if _contradicts(row, rows[0])]
    if not others:
        return ""
    found = "; ".join(f"by {row.name} it is {row.verdict}" for row in others)
    return (
        f"The verdict depends on the scorer. By {rows[0].name}, of which the headline speaks, the "
        f"model is {rows[0].verdict}; {found}."
    )


def _row(name: str, scored: ScorerSummary, summary: Summary) -> ScorerRow:
    above = tuple(task for task, one in scored.tasks.items() if one.above_chance is not False)
    levels = read_levels(
        scored.levels,
        above_chance=bool(above) or not scored.tasks,
        confidence=summary.confidence,
    )
    return ScorerRow(name, levels, above, len(scored.tasks))


def _contradicts(row: ScorerRow, headline: ScorerRow) -> bool:
    more = set(_findings(row)) - set(_findings(headline))
    less = set(_findings(headline)) - set(_findings(row))
    return bool(more) or (bool(less) and row.cells >= headline.cells)


def _findings(row: ScorerRow) -> Iterator[tuple[str, str]]:
    yield from (("above chance", task) for task in row.above_chance)
    yield from (("drop", level) for level in row.significant)
