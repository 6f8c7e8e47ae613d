"""What a design can detect, and how much more data it would take."""

from __future__ import annotations

import math

from harness.stats.estimate import Estimate, student_point, student_quantile

POWER = 0.8


def minimum_detectable_effect(
    estimate: Estimate, *, confidence: float = 0.95, power: float = POWER
) -> float | None:
    """The smallest true difference that a two-sided test finds with this power.

    MDE = (t_{1 - alpha/2} + t_{power}) * standard error (Bloom 1995, Evaluation Review 19(5)).
    None where the standard error is unknown.
    """
    if math.isnan(estimate.variance):
        return None
    reach = student_quantile(confidence, estimate.df) + student_point(power, estimate.df)
    return reach * _standard_error(estimate, confidence)


def examples_needed(
    examples: int, half_width: float, wanted: float, *, fixed_share: float = 0.0
) -> int | None:
    """With how many examples in all an interval would reach no further than `wanted`.

    The examples' part of the variance shrinks as 1 / N; the share `fixed_share`, which is the
    prompts', does not. None where that alone leaves the interval wider, so that only more
    instructions could help.

    Args:
        examples: how many there are.
        half_width: how far the interval reaches with them.
        wanted: how far it should reach.
        fixed_share: the share of the variance that further examples cannot reduce.
    """
    if half_width <= wanted:
        return examples
    remaining = (wanted / half_width) ** 2
    if remaining <= fixed_share:
        return None
    return math.ceil(examples * (1 - fixed_share) / (remaining - fixed_share))


def _standard_error(estimate: Estimate, confidence: float) -> float:
    if estimate.variance > 0:
        return estimate.standard_error
    interval = estimate.interval(confidence) or (0.0, 0.0)
    return (interval[1] - interval[0]) / 2 / student_quantile(confidence, math.inf)
