"""How a group's numbers may honestly be read: what its drop can be called, and what not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.core.records import CLEAN
from harness.results.summary import GroupStats


class Reading(Enum):
    """What a drop can honestly be called."""

    DROP = "significant drop"
    GAIN = "significant gain"
    NOT_SIGNIFICANT = "not significant"
    NOT_TESTED = "not tested"
    NOT_JUDGED = "not judged"
    CLEAN = "reference"

    @property
    def is_significant(self) -> bool:
        """Whether the drop or gain is more than noise."""
        return self in (Reading.DROP, Reading.GAIN)


@dataclass(frozen=True, slots=True)
class GroupView:
    """One group of cells (a level, a task at a level, a perturbation): its numbers, read."""

    stats: GroupStats
    reading: Reading
    spread_is_significant: bool
    """Whether the variants differ by more than chance explains."""


def read_group(
    stats: GroupStats, *, is_clean: bool, above_chance: bool, confidence: float
) -> GroupView:
    """The group with its reading; what is significant follows from `confidence`."""
    limit, spread_p = 1 - confidence, stats.spread_p_adjusted
    reading = read_drop(stats, above_chance=above_chance, limit=limit)
    return GroupView(
        stats=stats,
        reading=Reading.CLEAN if is_clean else reading,
        spread_is_significant=spread_p is not None and spread_p < limit,
    )


def read_levels(
    levels: dict[str, GroupStats], *, above_chance: bool, confidence: float
) -> dict[str, GroupView]:
    """Each level with its reading, in the summary's order."""
    return {
        level: read_group(
            stats, is_clean=level == CLEAN, above_chance=above_chance, confidence=confidence
        )
        for level, stats in levels.items()
    }


def read_drop(stats: GroupStats, *, above_chance: bool, limit: float) -> Reading:
    """What a drop is called: significant where its adjusted p value is below `limit`.

    Where clean accuracy is not above chance there was nothing to lose, and nothing is judged.
    """
    if not above_chance:
        return Reading.NOT_JUDGED
    if stats.drop is None or stats.drop_p_adjusted is None:
        return Reading.NOT_TESTED
    if stats.drop_p_adjusted >= limit:
        return Reading.NOT_SIGNIFICANT
    return Reading.DROP if stats.drop.value > 0 else Reading.GAIN
