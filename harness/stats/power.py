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
    estimate: Estimate, half_width: float, *, confidence: float = 0.95
) -> int | None:
    """Examples with which the interval would reach no further than `half_width` to each side.

    The examples' part of the variance shrinks as 1 / N, the prompts' part does not: None where
    the prompts alone leave it wider, so that only more instructions could help.
    """
    interval = estimate.interval(confidence)
    if interval is None or half_width <= 0:
        return None
    present = (interval[1] - interval[0]) / 2
    if present <= half_width:
        return estimate.examples
    share = estimate.prompt_variance / estimate.variance if estimate.variance > 0 else 0.0
    target = (half_width / present) ** 2
    if target <= share:
        return None
    return math.ceil(estimate.examples * (1 - share) / (target - share))


def _standard_error(estimate: Estimate, confidence: float) -> float:
    if estimate.variance > 0:
        return estimate.standard_error
    interval = estimate.interval(confidence) or (0.0, 0.0)
    return (interval[1] - interval[0]) / 2 / student_quantile(confidence, math.inf)
