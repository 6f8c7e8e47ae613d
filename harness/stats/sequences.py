"""Confidence sequences: intervals that hold at every look, so that looking may decide to stop.

An ordinary interval covers at one sample size fixed beforehand; stopping once it is narrow enough
breaks it. A confidence sequence covers at all sizes at once. This one tests every candidate mean m
by betting against it: a gambler who stakes lambda on the next observation being above (or below) m
has, if m is the mean, a capital that is a martingale, which ever reaches 2 / alpha with probability
alpha / 2 at most (Ville 1939). Means on which the gambler has grown that rich are ruled out
(hedged capital, Waudby-Smith & Ramdas 2024, JRSS B 86(1), theorem 3 and section 4.4).

Where the observations are drawn without replacement from a finite set, the mean of what is left
follows from m and from what was seen, and the bets are laid on that (ibid., section 5): the
sequence closes on the exact mean as the set runs out.

An observation is one example's mean over the prompts of a (task, level), in [0, 1]: examples are
what is drawn independently, cells of one example are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.core.errors import UsageError
from harness.stats.arrays import Floats
from harness.stats.estimate import Interval

CANDIDATES: Final = 1001
_LARGEST_STAKE: Final = 0.75
"""Share of the capital that one observation may cost at most."""
_BATCH: Final = 256


class ConfidenceSequence:
    """The interval of a mean of observations in [0, 1] that come one after the other.

    Its memory does not grow with the observations: two capitals for each candidate mean.

    Args:
        population: how many observations there are in all, where they are drawn without
            replacement; None for independent draws.
        confidence: that the true mean lies in every interval given, at once.
        target: the half-width that is waited for. Any target keeps the coverage; the interval
            reaches this one soonest. None bets for all sample sizes, which is wider at each.

    Example:
        >>> sequence = ConfidenceSequence(population=500, confidence=0.95, target=0.1)
        >>> sequence.update([1.0, 1.0, 0.0, 1.0] * 25)
        (0.622, 0.839)
        >>> [round(end, 2) for end in sequence.interval]
        [0.62, 0.84]
    """

    def __init__(
        self,
        *,
        population: int | None = None,
        confidence: float = 0.95,
        target: float | None = None,
    ) -> None:
        self.population = population
        self.target = target
        self.confidence = confidence
        self.count = 0
        self.interval: Interval = (0.0, 1.0)
        self._sum = 0.0
        self._squares = 0.25  # of deviations from the running mean, with a prior of variance 1/4
        self._means = np.linspace(0.0, 1.0, CANDIDATES)
        self._above = np.zeros(CANDIDATES)  # log capital of the bets that the mean is above
        self._below = np.zeros(CANDIDATES)

    @property
    def mean(self) -> float:
        """The mean of the observations so far; NaN without any."""
        return self._sum / self.count if self.count else math.nan

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.interval[1] - self.interval[0]) / 2

    def update(self, values: Iterable[float]) -> Interval:
        """The interval after these further observations, never wider than before.

        Raises:
            UsageError: a value outside [0, 1], or more values than the population holds.
        """
        observed = np.fromiter(values, dtype=np.float64)
        self._check(observed)
        for start in range(0, len(observed), _BATCH):
            self._bet(observed[start : start + _BATCH])
        return self.interval

    def _check(self, observed: Floats) -> None:
        if len(observed) and not (observed.min() >= 0 and observed.max() <= 1):
            raise UsageError("observations of a confidence sequence lie in [0, 1].")
        if self.population is not None and self.count + len(observed) > self.population:
            raise UsageError(
                f"{self.count + len(observed)} observations of a set of {self.population}."
            )

    def _bet(self, observed: Floats) -> None:
        """Lay one bet on each observation [T] against every candidate mean [M]."""
        times = self.count + np.arange(1.0, len(observed) + 1)
        before = self._sum + np.cumsum(observed) - observed  # [T], sums of what was seen earlier
        stakes = self._stakes(observed, times, before)
        left = self._means_left(times, before)  # [T, M]
        gain = observed[:, None] - left
        up = np.minimum(stakes[:, None], _LARGEST_STAKE / np.maximum(left, 1e-12))
        down = np.minimum(stakes[:, None], _LARGEST_STAKE / np.maximum(1 - left, 1e-12))
        above = self._above + np.cumsum(np.log1p(up * gain), axis=0)
        below = self._below + np.cumsum(np.log1p(-down * gain), axis=0)
        self._above, self._below = above[-1], below[-1]
        self.count += len(observed)
        self._sum += float(observed.sum())
        self._rule_out(above.max(axis=0), below.max(axis=0))

    def _stakes(self, observed: Floats, times: Floats, before: Floats) -> Floats:
        """What to stake on each observation, from those before it alone [T].

        lambda_t = sqrt(2 log(2 / alpha) / (s^2_{t-1} t log(t + 1))) for all sample sizes. With a
        target w, the t log(t + 1) gives way to the size n = 2 log(2 / alpha) s^2 / w^2 at which
        the interval gets that narrow, which leaves lambda_t = w / s^2_{t-1}.
        """
        after_mean = (0.5 + before + observed) / (times + 1)
        squares = self._squares + np.cumsum((observed - after_mean) ** 2)
        variance = np.concatenate([[self._squares], squares[:-1]]) / times
        self._squares = float(squares[-1])
        if self.target is not None:
            return self.target / variance
        reach = 2 * math.log(2 / (1 - self.confidence))
        stakes: Floats = np.sqrt(reach / (variance * times * np.log(times + 1)))
        return stakes

    def _means_left(self, times: Floats, before: Floats) -> Floats:
        """The mean of what is not yet drawn if m were the mean: [T, M], cut to [0, 1].

        A candidate that would need it outside is impossible, which `_rule_out` sees by itself.
        """
        if self.population is None:
            return np.broadcast_to(self._means, (len(times), CANDIDATES))
        total = self.population * self._means
        remaining = self.population - times + 1
        return np.clip((total - before[:, None]) / remaining[:, None], 0.0, 1.0)

    def _rule_out(self, above: Floats, below: Floats) -> None:
        limit = math.log(2 / (1 - self.confidence))
        low, high = self.interval
        too_low, too_high = self._means[above >= limit], self._means[below >= limit]
        low = max(low, float(too_low.max(initial=0.0)))
        high = min(high, float(too_high.min(initial=1.0)))
        if self.population is not None:
            unseen = self.population - self.count
            low = max(low, self._sum / self.population)
            high = min(high, (self._sum + unseen) / self.population)
        # Rounding in the sums must not turn an interval that has closed inside out.
        self.interval = (low, max(low, high))
