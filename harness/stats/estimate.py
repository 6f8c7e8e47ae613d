"""An estimate with its uncertainty, from which intervals and p values are read.

Shares (values in [0, 1]) get Wilson's interval with an effective sample size: n = p (1 - p) / V,
where V is the variance that the design really has (Wilson 1927; Korn & Graubard 1998 for clustered
data). Differences get Student's t interval. Degrees of freedom are Satterthwaite's, so few prompts
widen an interval as much as they should.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["share", "difference", "ratio"]
Over = Literal["examples and instructions", "examples and variants", "examples", "prompts"]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and how sure it is."""

    value: float
    variance: float
    """Of the value, over the populations named by `over`; NaN where it cannot be estimated."""
    df: float
    """Degrees of freedom of the variance."""
    examples: int
    kind: Kind
    """`share`: in [0, 1]. `difference`: in [-1, 1]. `ratio`: unbounded."""
    over: Over
    """What the interval generalises over; `examples` means that the prompts are taken as given."""
    prompt_variance: float = 0.0
    """The part of the variance that further examples cannot reduce."""

    @property
    def standard_error(self) -> float:
        """The square root of the variance."""
        return math.sqrt(self.variance)

    @property
    def prompt_share(self) -> float:
        """The share of the variance that further examples cannot reduce."""
        return self.prompt_variance / self.variance if self.variance > 0 else 0.0

    def interval(self, confidence: float = 0.95) -> Interval | None:
        """The two-sided interval, or None where the variance is unknown."""
        if math.isnan(self.value) or math.isnan(self.variance):
            return None
        # Where nothing varied there is no variance whose few degrees of freedom could mislead.
        quantile = student_quantile(confidence, self.df if self.variance > 0 else math.inf)
        if self.kind == "share":
            return _wilson(self.value, self._effective_examples(), quantile)
        half = quantile * self.standard_error
        if self.variance == 0 and self.kind == "difference":
            half = _unseen(self.examples, confidence)
        low, high = self.value - half, self.value + half
        return (max(low, -1.0), min(high, 1.0)) if self.kind == "difference" else (low, high)

    def p_value(self, null: float = 0.0) -> float:
        """The two-sided p value of the hypothesis that the true value is `null`."""
        if math.isnan(self.value) or math.isnan(self.variance):
            return math.nan
        if self.variance == 0:
            # Every example says the same: the sign test's p value.
            return 1.0 if self.value == null else min(1.0, 2.0 ** (1 - self.examples))
        return 2 * student_tail(abs(self.value - null) / self.standard_error, self.df)

    def _effective_examples(self) -> float:
        if self.variance > 0 and 0 < self.value < 1:
            return self.value * (1 - self.value) / self.variance
        return float(self.examples)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The plain mean of independent estimates, such as of several tasks.

    V = sum V_t / T^2, with Satterthwaite's degrees of freedom (sum V_t)^2 / sum (V_t^2 / df_t).
    """
    if len(estimates) == 1:
        return estimates[0]
    count = len(estimates)
    variances = [one.variance / count**2 for one in estimates]
    total = math.fsum(variances)
    spread = math.fsum(
        variance**2 / one.df for variance, one in zip(variances, estimates, strict=True)
    )
    return Estimate(
        value=math.fsum(one.value for one in estimates) / count,
        variance=total,
        df=total**2 / spread if spread > 0 else min(one.df for one in estimates),
        examples=sum(one.examples for one in estimates),
        kind=estimates[0].kind,
        over=_common_scope([one.over for one in estimates]),
        prompt_variance=math.fsum(one.prompt_variance for one in estimates) / count**2,
    )


def student_quantile(confidence: float, df: float) -> float:
    """The quantile of Student's t that a two-sided interval of this confidence reaches to."""
    return student_point((1 + confidence) / 2, df)


def student_point(probability: float, df: float) -> float:
    """The point below which Student's t lies with this probability; the normal's for df = inf."""
    # scipy.special, since importing scipy.stats costs more than everything else here.
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if math.isinf(df) else stdtrit(df, probability))


def student_tail(point: float, df: float) -> float:
    """The probability that Student's t lies above a point."""
    from scipy.special import stdtr

    return float(stdtr(df, -point))


def _wilson(share: float, examples: float, quantile: float) -> Interval:
    square = quantile**2
    centre = (share + square / (2 * examples)) / (1 + square / examples)
    half = math.sqrt(share * (1 - share) / examples + square / (4 * examples**2))
    half *= quantile / (1 + square / examples)
    # The share lies within by algebra; rounding must not put it outside at 0 and 1.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def _unseen(examples: int, confidence: float) -> float:
    """How often a change can happen that none of so many examples showed (Wilson, 0 of n)."""
    square = student_quantile(confidence, math.inf) ** 2
    return square / (examples + square)


def _common_scope(scopes: Sequence[Over]) -> Over:
    """What all estimates generalise over: the narrowest, since a mean claims no more than it."""
    order: tuple[Over, ...] = (
        "examples", "prompts", "examples and variants", "examples and instructions",
    )  # fmt: skip
    return min(scopes, key=order.index)
