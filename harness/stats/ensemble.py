"""The worst, the best and the quantiles of variants whose accuracies are known with error.

The lowest of K noisy accuracies is too low, and their spread too wide. The accuracies are taken as
drawn from a normal population, A_v ~ N(m, t^2), each seen with an error of known variance; m and t
have flat priors (Gelman et al. 2013, Bayesian Data Analysis, section 5.4; the empirical Bayes of
Efron & Morris 1975 with the uncertainty of t kept). What is reported of the A_v (the lowest, the
highest, their distance, quantiles, their standard deviation) is its mean over draws of all A_v
given the data, which shrinks as much as the errors ask for and no more. The lowest of shrunken
means would be too high: shrinking for each variant's sake is too much for the ensemble's (Louis
1984, Journal of the American Statistical Association 79).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.estimate import Interval
from harness.stats.extremes import Extreme, Which, extreme_of
from harness.stats.variant_means import VariantMeans

DRAWS: Final = 1000
_GRID: Final = 0.5 * (np.arange(1, 201) / 200) ** 2
"""Values of t that are tried; accuracies lie in [0, 1], so none is larger than 1/2."""
_SMALLEST: Final = 1e-10
"""A variance below which an accuracy counts as known."""


@dataclass(frozen=True)
class Ensemble:
    """The accuracies of K variants, given what was seen of them."""

    seen: VariantMeans
    lowest: float = 0.0
    """The least that a value can be: -1 for drops."""

    @cached_property
    def shrunken(self) -> Floats:
        """The best guess of each variant's accuracy on these examples [K]."""
        return np.asarray(self._here.mean(axis=0))

    def value(self, which: Which) -> float:
        """The extreme over the variants on these examples, as a full grid would show it."""
        return float(extreme_of(self._here, which).mean())

    def quantiles(self, at: tuple[float, ...]) -> list[float]:
        """Quantiles over the variants, linearly interpolated."""
        return [float(q) for q in np.quantile(self._here, at, axis=1).mean(axis=1)]

    @property
    def deviation(self) -> float:
        """The standard deviation over variants, with ddof 0."""
        return float(np.sqrt(self._here.var(axis=1).mean()))

    def extremes(self, which: Which) -> Floats:
        """Draws of the extreme that other examples of this kind would show with these variants."""
        return extreme_of(self._elsewhere, which)

    def own_variance(self, which: Which) -> float:
        """The extreme's variance, without the luck with examples that all variants share."""
        drawn = _draw(self.seen.means, self.seen.sampled, self._rng())
        return float(extreme_of(drawn, which).var(ddof=1))

    def low_order_statistic(self, rank: int, risk: float) -> float:
        """What the rank-th lowest accuracy lies below with probability `risk`, on any examples."""
        return float(np.quantile(np.sort(self._elsewhere, axis=1)[:, rank - 1], risk))

    def member_interval(self, place: int, confidence: float) -> Interval:
        """Where one of the accuracies lies, examples being a sample."""
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(self._elsewhere[:, place], tails)
        return float(low), float(high)

    def member_share_below(self, place: int, value: float) -> float:
        """How likely one of them lies below a value: its interval's quantiles, read backwards."""
        return float(np.interp(value, np.sort(self._elsewhere[:, place]), np.linspace(0, 1, DRAWS)))

    @cached_property
    def _here(self) -> Floats:
        drawn = _draw(self.seen.means, self.seen.missing, self._rng())
        return np.clip(drawn, self.lowest, 1.0)

    @cached_property
    def _elsewhere(self) -> Floats:
        rng = self._rng()
        drawn = _draw(self.seen.means, self.seen.sampled, rng)
        luck = np.sqrt(self.seen.common) * rng.standard_normal((DRAWS, 1))
        return np.asarray(np.clip(drawn + luck, self.lowest, 1.0))

    def _rng(self) -> np.random.Generator:
        """The same draws for the same shape: a summary repeats, and two runs are drawn alike."""
        return np.random.default_rng([len(self.seen.means), self.seen.examples])


@dataclass(frozen=True, slots=True)
class ShrunkenExtreme:
    """The lowest or highest accuracy of variants or their distance; of several tasks, the mean."""

    which: Which
    parts: tuple[Ensemble | Extreme, ...]
    """Per task; an `Extreme` where a task has no holes."""

    @property
    def value(self) -> float:
        """The extreme, averaged over tasks."""
        return float(np.mean([self._value(one) for one in self.parts]))

    @property
    def examples(self) -> int:
        """Examples of all tasks."""
        return sum(
            one.seen.examples if isinstance(one, Ensemble) else one.examples for one in self.parts
        )

    @property
    def prompt_share(self) -> float:
        """The share of the variance that further examples cannot reduce: none."""
        return 0.0

    def interval(self, confidence: float = 0.95) -> Interval | None:
        """Where the true value lies with these variants taken as given, averaged over tasks."""
        ends = [self._ends(one, confidence) for one in self.parts]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        low, high = np.mean(known, axis=0)
        return min(float(low), self.value), max(float(high), self.value)

    def _value(self, one: Ensemble | Extreme) -> float:
        return one.value(self.which) if isinstance(one, Ensemble) else one.value

    def _ends(self, one: Ensemble | Extreme, confidence: float) -> Interval | None:
        if isinstance(one, Extreme):
            return one.interval(confidence)
        if one.seen.examples < 2 or (self.which == "spread" and len(one.seen.means) < 2):
            return None
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(one.extremes(self.which), tails)
        return float(low), float(high)


def mean_of_shrunken(extremes: Sequence[ShrunkenExtreme | Extreme]) -> ShrunkenExtreme:
    """The plain mean of several tasks' extremes, all of one kind, some without holes."""
    parts: list[Ensemble | Extreme] = []
    for one in extremes:
        parts += [one] if isinstance(one, Extreme) else one.parts
    return ShrunkenExtreme(extremes[0].which, tuple(parts))


def _draw(means: Floats, variances: Floats, rng: np.random.Generator) -> Floats:
    """Draws of all accuracies given what was seen of them [DRAWS, K]."""
    if float(variances.max(initial=0.0)) <= _SMALLEST or len(means) < 2:
        own = np.sqrt(variances) * rng.standard_normal((DRAWS, len(means)))
        return np.asarray(means + own)
    errors = np.maximum(variances, _SMALLEST)
    apart, centres, precisions = _posterior(means, errors)
    chosen = rng.choice(len(_GRID), size=DRAWS, p=apart)
    tau = _GRID[chosen][:, None] ** 2
    centre = centres[chosen] + rng.standard_normal(DRAWS) / np.sqrt(precisions[chosen])
    trust = tau / (tau + errors)
    drawn = trust * means + (1 - trust) * centre[:, None]
    drawn += np.sqrt(trust * errors) * rng.standard_normal((DRAWS, len(means)))
    return drawn


def _posterior(means: Floats, errors: Floats) -> tuple[Floats, Floats, Floats]:
    """How likely each t of the grid is, and for it the mean and precision of m."""
    precision = 1 / (_GRID[:, None] ** 2 + errors)
    total = precision.sum(axis=1)
    centre = precision @ means / total
    misfit = (precision * (means - centre[:, None]) ** 2).sum(axis=1)
    log = 0.5 * (np.log(precision).sum(axis=1) - np.log(total) - misfit)
    weight = np.exp(log - log.max()) * np.sqrt(_GRID)  # flat in t: the grid is finer near 0
    return weight / weight.sum(), centre, total
