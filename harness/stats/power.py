"""What a design can detect, and how much more data it would take."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from harness.stats.estimate import Estimate, student_point, student_quantile

POWER: Final = 0.8
_ROUNDS: Final = 8
"""The effect and its own standard error settle in fewer."""
_NORMAL: Final = 1000
"""Degrees of freedom from which Student's t is taken as shifted and not as skewed."""
_BEYOND: Final = 1e4
"""A critical value that no difference of shares reaches, where scipy's search has no end."""


def minimum_detectable_effect(
    estimate: Estimate, *, confidence: float = 0.95, power: float = POWER, tests: int = 1
) -> float | None:
    """The smallest true difference that a two-sided test finds with this power.

    It is the standard error that there is with that difference, times the noncentrality with which
    Student's t passes its critical value with this power; with many degrees of freedom that is
    t_{1 - alpha/2} + t_{power} (Bloom 1995, Evaluation Review 19(5)). The critical value is how far
    the interval reaches towards 0 from such a difference, in standard errors, at the confidence
    that Holm's correction asks of the smallest of so many p values, 1 - alpha / tests: what then
    counts is called significant. The standard error is the estimate's, less its bias: one of few
    degrees of freedom is more often too small than too large.

    Args:
        estimate: of the difference; its value plays no part.
        confidence: 1 - alpha, over all tests together.
        power: how often the difference is to be found.
        tests: how many tests stand beside each other, this one included.

    Returns:
        The difference, or None where the standard error is unknown, or known so badly (with less
        than one degree of freedom) that no difference could be found.

    Example:
        >>> drop = Estimate(0.03, 0.0004, 30, 200, "difference", "examples and instructions")
        >>> round(minimum_detectable_effect(drop) or 0, 3)
        0.059
        >>> round(minimum_detectable_effect(drop, tests=4) or 0, 3)
        0.071
    """
    alone = 1 - (1 - confidence) / tests
    estimate = replace(estimate, variance=estimate.variance * _median_bias(estimate.df))
    quantile = student_quantile(alone, estimate.df)
    if math.isnan(estimate.variance) or quantile > _BEYOND:
        return None
    effect = _noncentrality(quantile, estimate.df, power) * _standard_error(estimate, alone)
    if estimate.variance == 0:
        return effect
    for _ in range(_ROUNDS):
        grown = _with(estimate, effect)
        critical = grown.reach(quantile)[0] / grown.standard_error
        effect = _noncentrality(critical, estimate.df, power) * grown.standard_error
    return effect


def _with(estimate: Estimate, effect: float) -> Estimate:
    """The estimate as it is where the difference is this: losses bring variance.

    The share lost is then that much above the share gained, with as many effective examples.
    """
    if estimate.flows is None:
        return estimate
    smaller, larger = sorted(estimate.flows)
    now = smaller * (1 - smaller) + larger * (1 - larger)
    then = min(max(larger, smaller + effect), 0.5)
    if now <= 0:
        return estimate
    growth = (smaller * (1 - smaller) + then * (1 - then)) / now
    return replace(estimate, variance=growth * estimate.variance, flows=(then, smaller))


def _median_bias(df: float) -> float:
    """By what factor a variance is above the one that half of the runs find less than."""
    if df > _NORMAL:
        return 1.0
    from scipy.special import chdtri

    return df / float(chdtri(df, 0.5))


def _noncentrality(critical: float, df: float, power: float) -> float:
    """The noncentrality with which t passes this two-sided critical value with this power."""
    if df > _NORMAL:
        return critical + student_point(power, df)
    from scipy.special import nctdtrinc

    return float(nctdtrinc(df, 1 - power, critical))


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

    Example:
        >>> examples_needed(100, half_width=0.08, wanted=0.04)
        400
    """
    if half_width <= wanted:
        return examples
    remaining = (wanted / half_width) ** 2
    if remaining <= fixed_share:
        return None
    return math.ceil(examples * (1 - fixed_share) / (remaining - fixed_share))


def _standard_error(estimate: Estimate, confidence: float) -> float:
    """Where nothing varied, what would make an interval as wide as what may have gone unseen."""
    if estimate.variance > 0:
        return estimate.standard_error
    quantile = student_quantile(confidence, math.inf)
    return estimate.reach(quantile)[0] / quantile
