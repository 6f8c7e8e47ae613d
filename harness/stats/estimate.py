"""An estimate with its uncertainty, from which intervals and p values are read.

Shares (values in [0, 1]) get Wilson's interval with an effective sample size: n = p (1 - p) / V,
where V is the variance that the design really has (Wilson 1927; Korn & Graubard 1998 for clustered
data). A difference of cells is the share lost less the share gained, each with Wilson's interval,
put together as Newcombe (1998, Statistics in Medicine 17) does; other differences get Student's t
interval. Degrees of freedom are Satterthwaite's, so few prompts widen an interval as much as they
should. Where nothing varied, an interval says how much could have gone unseen. A p value is read
off the intervals: it is small where, and only where, an interval of high confidence leaves the
hypothesis out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.stats.components import Parts, mean_parts

Kind = Literal["share", "difference", "relative", "ratio", "exact"]
Over = Literal["examples and instructions", "examples and variants", "examples", "prompts"]
Interval = tuple[float, float]

_BOUNDS: Final[dict[Kind, Interval]] = {
    "difference": (-1.0, 1.0),
    "relative": (-math.inf, 1.0),
    "ratio": (-math.inf, math.inf),
}
_BEYOND: Final = 1e9
"""A quantile whose tail is nothing, whatever the degrees of freedom."""
_NEAR: Final = 1e-13
"""How nearly, relatively, the quantile behind a p value is found."""


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
    """`share`: in [0, 1]. `difference`: in [-1, 1]. `relative`: at most 1. `ratio`: unbounded.
    `exact`: counted, not sampled."""
    over: Over
    """What the interval generalises over; `examples` means that the prompts are taken as given."""
    prompt_variance: float = 0.0
    """The part of the variance that further examples cannot reduce."""
    flows: tuple[float, float] | None = None
    """Of a difference of cells: the shares lost and gained, whose difference it is."""
    unit: float = 1.0
    """How far the value moves if a change happens in every example."""
    parts: Parts | None = None
    """Of a variance over prompts and examples: what a mean over tasks adds up."""

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
        if self.kind == "exact":
            return self.value, self.value
        quantile = student_quantile(confidence, self._freedom)
        if self.kind == "share":
            return wilson(self.value, self._effective_examples(), quantile)
        below, above = self.reach(quantile)
        lowest, highest = _BOUNDS[self.kind]
        return max(self.value - below, lowest), min(self.value + above, highest)

    def reach(self, quantile: float) -> tuple[float, float]:
        """How far the interval that goes by this quantile of Student's t reaches below and above.

        Args:
            quantile: in standard errors, such as 1.96 where many degrees of freedom are known.
        """
        if self.kind == "share":
            low, high = wilson(self.value, self._effective_examples(), quantile)
            return self.value - low, high - self.value
        if self.variance == 0:
            half = self.unit * _unseen(self.examples, quantile)
            return half, half
        if self.flows is None or not any(share * (1 - share) for share in self.flows):
            half = quantile * self.standard_error
            return half, half
        return _newcombe(self.flows, self.variance, quantile)

    def p_value(self, null: float = 0.0) -> float:
        """The two-sided p value of the hypothesis that the true value is `null`.

        It is the smallest 1 - confidence whose interval holds `null`: below .05 just where the 95 %
        interval leaves it out. Where nothing varied it is at least the sign test's, since all of a
        few examples agree by luck.
        """
        if math.isnan(self.value) or math.isnan(self.variance):
            return math.nan
        if self.value == null:
            return 1.0
        if self.kind == "exact":
            return 0.0
        inverted = 2 * student_tail(self._quantile_to(null), self._freedom)
        # Every example says the same: the sign test's p value.
        return max(inverted, 2.0 ** (1 - self.examples)) if self.variance == 0 else inverted

    @property
    def _freedom(self) -> float:
        """Where nothing varied there is no variance whose few degrees of freedom could mislead."""
        return self.df if self.variance > 0 else math.inf

    def _quantile_to(self, null: float) -> float:
        """The quantile with which the interval just reaches `null`."""
        side, away = (0, self.value - null) if self.value > null else (1, null - self.value)
        return _first_above(lambda quantile: self.reach(quantile)[side] - away)

    def _effective_examples(self) -> float:
        if self.variance > 0 and 0 < self.value < 1:
            return self.value * (1 - self.value) / self.variance
        return float(self.examples)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The plain mean of independent estimates, such as of several tasks.

    V = sum V_t / T^2, part by part where all have parts; else with Satterthwaite's degrees of
    freedom (sum V_t)^2 / sum (V_t^2 / df_t).

    Example:
        >>> first = Estimate(0.02, 0.0004, 9, 100, "difference", "examples")
        >>> second = Estimate(0.06, 0.0004, 9, 100, "difference", "examples")
        >>> mean = mean_of([first, second])
        >>> round(mean.value, 3), round(mean.standard_error, 4), round(mean.df, 1)
        (0.04, 0.0141, 18.0)
    """
    if len(estimates) == 1:
        return estimates[0]
    count = len(estimates)
    parts = _mean_parts(estimates)
    variance, df = (
        _mean_variance(estimates) if parts is None else (parts.components.total, parts.df)
    )
    beyond = math.fsum(one.prompt_variance for one in estimates) / count**2
    if parts is not None:
        beyond = max(variance - parts.components.examples, 0.0)
    return Estimate(
        value=math.fsum(one.value for one in estimates) / count,
        variance=variance,
        df=df,
        examples=sum(one.examples for one in estimates),
        kind=estimates[0].kind,
        over=_common_scope([one.over for one in estimates]),
        prompt_variance=beyond,
        flows=_mean_flows(estimates),
        unit=math.fsum(one.unit for one in estimates) / count,
        parts=parts,
    )


def _mean_parts(estimates: Sequence[Estimate]) -> Parts | None:
    """The parts of the mean; None where a variance has none, or nothing varied in a task."""
    known = [one.parts for one in estimates if one.parts is not None and one.variance > 0]
    return mean_parts(known) if len(known) == len(estimates) else None


def _mean_variance(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """The variance of the mean, and its degrees of freedom by Satterthwaite's formula."""
    variances = [variance / len(estimates) ** 2 for variance in _variances(estimates)]
    total = math.fsum(variances)
    spread = math.fsum(
        variance**2 / one.df for variance, one in zip(variances, estimates, strict=True)
    )
    return total, total**2 / spread if spread > 0 else min(one.df for one in estimates)


def _variances(estimates: Sequence[Estimate]) -> list[float]:
    """The variances to add; of a difference that did not vary beside others, what it may hide.

    With one change each way added to n examples that saw none, it is 2 / (n + 2)^2 (Bonett & Price
    2012). Where nothing varied anywhere the sum stays 0, and the interval sees to it.
    """
    known = [one.variance for one in estimates]
    if not any(variance > 0 for variance in known) or estimates[0].kind in {"share", "exact"}:
        return known
    return [
        one.variance if one.variance != 0 else 2 * (one.unit / (one.examples + 2)) ** 2
        for one in estimates
    ]


def _mean_flows(estimates: Sequence[Estimate]) -> tuple[float, float] | None:
    flows = [one.flows for one in estimates if one.flows is not None]
    if len(flows) < len(estimates):
        return None
    lost, gained = (math.fsum(part) / len(flows) for part in zip(*flows, strict=True))
    return lost, gained


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


def _first_above(excess: Callable[[float], float]) -> float:
    """Where a function that rises from below 0 passes it; infinite where it stays below."""
    low, high = 0.0, 1.0
    while excess(high) < 0:
        low, high = high, 2 * high
        if high > _BEYOND:
            return math.inf
    while high - low > _NEAR * high:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return high


def wilson(share: float, examples: float, quantile: float) -> Interval:
    """Wilson's (1927) interval of a share that so many independent examples showed.

    Example:
        >>> [round(end, 3) for end in wilson(0.8, 100, 1.96)]
        [0.711, 0.867]
    """
    square = quantile**2
    centre = (share + square / (2 * examples)) / (1 + square / examples)
    half = math.sqrt(share * (1 - share) / examples + square / (4 * examples**2))
    half *= quantile / (1 + square / examples)
    # The share lies within by algebra; rounding must not put it outside at 0 and 1.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def _newcombe(flows: tuple[float, float], variance: float, quantile: float) -> tuple[float, float]:
    """How far the difference of two shares reaches below and above, from the shares' intervals.

    Both shares have the effective number of examples with which their variances add up to that of
    the difference. The square-and-add rule is Newcombe's (1998), method 10.
    """
    examples = sum(share * (1 - share) for share in flows) / variance
    lost, gained = flows
    (lost_low, lost_high), (gained_low, gained_high) = (
        wilson(share, examples, quantile) for share in flows
    )
    return (
        math.hypot(lost - lost_low, gained_high - gained),
        math.hypot(lost_high - lost, gained - gained_low),
    )


def _unseen(examples: int, quantile: float) -> float:
    """How often a change can happen that none of so many examples showed (Wilson, 0 of n)."""
    return quantile**2 / (examples + quantile**2)


def _common_scope(scopes: Sequence[Over]) -> Over:
    """What all estimates generalise over: the narrowest, since a mean claims no more than it."""
    order: tuple[Over, ...] = (
        "examples", "prompts", "examples and variants", "examples and instructions",
    )  # fmt: skip
    return min(scopes, key=order.index)
