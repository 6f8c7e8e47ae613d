"""One group of cells (a level, a task at a level, a perturbation): its measures, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from reports.source import as_number, number_at

# Half-widths of a 95% interval to the difference that a two-sided test at 5% finds 4 times in 5.
_DETECTABLE: Final = (1.960 + 0.842) / 1.960


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and, where it was computed, its interval; all as fractions."""

    value: float
    low: float | None = None
    high: float | None = None


class Reading(Enum):
    """What a drop can honestly be called."""

    CLEAR_DROP = "clear drop"
    CLEAR_GAIN = "clear gain"
    NOISE = "within noise"
    NO_INTERVAL = "no interval"
    NOT_JUDGED = "not judged"
    CLEAN = "reference"


@dataclass(frozen=True, slots=True)
class Group:
    """The measures of one group; None where one is undefined or was not computed."""

    accuracy: Estimate | None
    drop: Estimate | None
    consistency: Estimate | None
    std_over_prompts: float | None
    pdr: float | None
    pdr_flag: str | None
    worst_prompt_accuracy: float | None
    worst_prompt_id: str | None
    best_prompt_accuracy: float | None
    spread: float | None
    kappa: float | None
    correct_and_consistent: float | None
    instance_sensitivity: float | None
    flip_rate: float | None
    flips_right_wrong: int | None
    flips_wrong_right: int | None
    unparsed_rate: float | None
    accuracy_parsed: float | None
    prompts: int | None
    examples: int | None
    cells: int | None
    reading: Reading

    @property
    def detectable(self) -> float | None:
        """The drop that this many examples and prompts would reveal 4 times in 5."""
        if self.drop is None or self.drop.low is None or self.drop.high is None:
            return None
        return _DETECTABLE * (self.drop.high - self.drop.low) / 2


def read_group(stats: Mapping[str, object], *, is_clean: bool, above_chance: bool) -> Group:
    """The group that one entry of summary.json holds."""
    drop = _estimate(stats, "drop")
    return Group(
        accuracy=_estimate(stats, "accuracy"),
        drop=drop,
        consistency=_estimate(stats, "consistency"),
        std_over_prompts=number_at(stats, "std_over_prompts"),
        pdr=number_at(stats, "pdr"),
        pdr_flag=_text(stats, "pdr_flag"),
        worst_prompt_accuracy=number_at(stats, "worst_prompt_accuracy"),
        worst_prompt_id=_text(stats, "worst_prompt_id"),
        best_prompt_accuracy=number_at(stats, "best_prompt_accuracy"),
        spread=number_at(stats, "spread"),
        kappa=number_at(stats, "kappa"),
        correct_and_consistent=number_at(stats, "correct_and_consistent"),
        instance_sensitivity=number_at(stats, "instance_sensitivity"),
        flip_rate=number_at(stats, "flip_rate"),
        flips_right_wrong=_count(stats, "flips_right_wrong"),
        flips_wrong_right=_count(stats, "flips_wrong_right"),
        unparsed_rate=number_at(stats, "unparsed_rate"),
        accuracy_parsed=number_at(stats, "accuracy_parsed"),
        prompts=_count(stats, "prompts"),
        examples=_count(stats, "examples"),
        cells=_count(stats, "cells"),
        reading=Reading.CLEAN if is_clean else read_drop(drop, above_chance=above_chance),
    )


def read_drop(drop: Estimate | None, *, above_chance: bool) -> Reading:
    """How a drop reads: real where its interval leaves 0 out and there was something to lose."""
    if not above_chance:
        return Reading.NOT_JUDGED
    if drop is None or drop.low is None or drop.high is None:
        return Reading.NO_INTERVAL
    if drop.low > 0:
        return Reading.CLEAR_DROP
    return Reading.CLEAR_GAIN if drop.high < 0 else Reading.NOISE


def read_estimate(value: object, interval: object) -> Estimate | None:
    """An estimate from a value and a pair [low, high] as JSON gives them."""
    centre = as_number(value)
    if centre is None:
        return None
    ends = interval if isinstance(interval, Sequence) and len(interval) == 2 else (None, None)
    low, high = (as_number(end) for end in ends)
    if low is None or high is None:
        return Estimate(centre)
    return Estimate(centre, low, high)


def _estimate(stats: Mapping[str, object], key: str) -> Estimate | None:
    return read_estimate(stats.get(key), stats.get(f"{key}_ci"))


def _count(stats: Mapping[str, object], key: str) -> int | None:
    value = number_at(stats, key)
    return None if value is None else round(value)


def _text(stats: Mapping[str, object], key: str) -> str | None:
    value = stats.get(key)
    return None if value is None else str(value)
