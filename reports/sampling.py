"""What draws say of each level: how much of the variance is sampling, how much is phrasing."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.records import in_level_order
from harness.results.summary import SamplingStats, Summary


@dataclass(frozen=True, slots=True)
class SamplingRow:
    """A level of a run whose answers were sampled."""

    level: str
    stats: SamplingStats


def build_sampling(summary: Summary) -> tuple[SamplingRow, ...]:
    """The levels of a run, clean first; none where answers were not sampled."""
    return tuple(
        SamplingRow(level, summary.sampling[level]) for level in in_level_order(summary.sampling)
    )


def describe_sampling(repeats: int, confidence: float) -> str:
    """How the table of levels is to be read."""
    return (
        f"Answers were drawn {repeats} times per cell. Pass@1 is the share of draws that are "
        "right; any and all speak of a cell's draws together. Standard deviation of one answer's "
        "score: by sampling, where the prompt stays as it is, and by phrasing, between variants "
        "on the same example with what sampling adds taken off. Agreement: of two draws from one "
        "prompt, and of draws from two variants, which sampling alone keeps from being 100%. "
        f"Intervals ({100 * confidence:.0f}%) resample examples."
    )
