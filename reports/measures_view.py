"""One group of cells (a level, a task at a level, a perturbation): its measures, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist
from typing import Final

from reports.formatting import Estimate
from reports.source import as_number, number_at, text_at

_POWER: Final = 0.8


class Reading(Enum):
    """What a drop can honestly be called."""

    CLEAR_DROP = "clear drop"
    CLEAR_GAIN = "clear gain"
    NOISE = "within noise"
    NO_INTERVAL = "no interval"
    NOT_JUDGED = "not judged"
    CLEAN = "reference"

    @property
    def is_clear(self) -> bool:
        """Whether there is more than noise."""
        return self in (Reading.CLEAR_DROP, Reading.CLEAR_GAIN)


@dataclass(frozen=True, slots=True)
class Group:
    """The measures of one group; None where one is undefined or was not computed."""

    reading: Reading
    accuracy: Estimate | None
    drop: Estimate | None
    pdr: Estimate | None
    worst_prompt_accuracy: Estimate | None
    consistency: Estimate | None
    kappa: Estimate | None
    correct_and_consistent: Estimate | None
    instance_sensitivity: Estimate | None
    flip_rate: Estimate | None
    unparsed_rate: Estimate | None
    accuracy_parsed: float | None
    best_prompt_accuracy: float | None
    std_over_prompts: float | None
    spread: float | None
    null_spread: float | None
    spread_p: float | None
    """The p value that the wordings do not differ, adjusted for the tasks looked at beside it."""
    spread_is_clear: bool
    flips_right_wrong: int | None
    flips_wrong_right: int | None
    prompts: int | None
    examples: int | None
    cells: int | None
    worst_prompt_id: str
    pdr_flag: str
    intervals_over: str
    """What the intervals generalise over, such as "examples and instructions"."""
    detectable: float | None
    """The drop that this many examples and prompts would reveal 4 times in 5."""


def read_group(
    stats: Mapping[str, object], *, is_clean: bool, above_chance: bool, confidence: float = 0.95
) -> Group:
    """The group that one entry of summary.json holds; `confidence` is that of its intervals."""
    spread_p = number_at(stats, "spread_p_adjusted")
    # The clean wording is what drops and flips are counted from: it has none of its own.
    drop = None if is_clean else _estimate(stats, "drop")
    return Group(
        reading=Reading.CLEAN
        if is_clean
        else read_drop(
            drop,
            above_chance=above_chance,
            p=number_at(stats, "drop_p_adjusted"),
            limit=1 - confidence,
        ),
        accuracy=_estimate(stats, "accuracy"),
        drop=drop,
        pdr=None if is_clean else _estimate(stats, "pdr"),
        worst_prompt_accuracy=_estimate(stats, "worst_prompt_accuracy"),
        consistency=_estimate(stats, "consistency"),
        kappa=_estimate(stats, "kappa"),
        correct_and_consistent=_estimate(stats, "correct_and_consistent"),
        instance_sensitivity=_estimate(stats, "instance_sensitivity"),
        flip_rate=None if is_clean else _estimate(stats, "flip_rate"),
        unparsed_rate=_estimate(stats, "unparsed_rate"),
        accuracy_parsed=number_at(stats, "accuracy_parsed"),
        best_prompt_accuracy=number_at(stats, "best_prompt_accuracy"),
        std_over_prompts=number_at(stats, "std_over_prompts"),
        spread=number_at(stats, "spread"),
        null_spread=number_at(stats, "null_spread"),
        spread_p=spread_p,
        spread_is_clear=spread_p is not None and spread_p < 1 - confidence,
        flips_right_wrong=None if is_clean else _count(stats, "flips_right_wrong"),
        flips_wrong_right=None if is_clean else _count(stats, "flips_wrong_right"),
        prompts=_count(stats, "prompts"),
        examples=_count(stats, "examples"),
        cells=_count(stats, "cells"),
        worst_prompt_id=text_at(stats, "worst_prompt_id"),
        pdr_flag=text_at(stats, "pdr_flag"),
        intervals_over=text_at(stats, "intervals_over"),
        detectable=_detectable(drop, confidence),
    )


def read_drop(
    drop: Estimate | None, *, above_chance: bool, p: float | None = None, limit: float = 0.05
) -> Reading:
    """How a drop reads: real where there was something to lose and neither test calls it luck.

    Its interval must leave out 0, and `p`, which is adjusted for all drops that are looked at
    beside it, lie below `limit`. A drop that is looked at alone has no `p`.
    """
    if not above_chance:
        return Reading.NOT_JUDGED
    if drop is None or drop.low is None or drop.high is None:
        return Reading.NO_INTERVAL
    if drop.low <= 0 <= drop.high or (p is not None and p >= limit):
        return Reading.NOISE
    return Reading.CLEAR_DROP if drop.low > 0 else Reading.CLEAR_GAIN


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


def _detectable(drop: Estimate | None, confidence: float) -> float | None:
    """(z of the confidence + z of the power) * standard error, which the interval tells."""
    if drop is None or drop.low is None or drop.high is None:
        return None
    reach = NormalDist().inv_cdf((1 + confidence) / 2)
    return (1 + NormalDist().inv_cdf(_POWER) / reach) * (drop.high - drop.low) / 2


def _estimate(stats: Mapping[str, object], key: str) -> Estimate | None:
    return read_estimate(stats.get(key), stats.get(f"{key}_ci"))


def _count(stats: Mapping[str, object], key: str) -> int | None:
    value = number_at(stats, key)
    return None if value is None else round(value)
