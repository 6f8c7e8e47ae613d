"""The worst and the best of several prompts, with intervals that survive having been picked.

The largest of K noisy accuracies is too high on average, so an interval around it alone would be
wrong more often than it says. Its two ends ask different questions. The true maximum is at least
that of any prompt, so its lower end is the largest lower end of intervals that hold for all prompts
at once (the largest studentised deviation over prompts, resampled; Romano & Wolf 2005, Econometrica
73(4)). And it belongs to one prompt, whichever, whose own upper end it passes as seldom as that
says: so its upper end is the largest of the prompts' own upper ends, and no correction is due.
Each prompt's interval is Wilson's, with the effective number of examples that its resamples show.
The minimum is the same seen from below.

The distance of both (the spread) is treated alike: its lower end takes off what the resamples'
range strays, its upper end is the largest one of any pair of prompts, compared on the same
examples. The prompts are taken as given: an interval says nothing of prompts that were not asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from harness.stats.arrays import Booleans, Floats, Integers, Singles
from harness.stats.estimate import Interval, student_quantile, wilson

Which = Literal["lowest", "highest", "spread"]

_CANDIDATES: Final = 100
"""How many of the best and of the worst prompts are paired: more cannot be the furthest apart."""


_EVERY: Final = 9
"""Up to so many instructions every way to change them over is tried: 512."""


@dataclass(frozen=True, slots=True)
class PromptMeans:
    """The means of a task's prompts [K], their standard errors, and how resamples stray."""

    means: Floats
    errors: Floats
    above: Floats
    """In each resample of the examples [B], the largest (mean* - mean) / error of the prompts."""
    below: Floats
    """The same for mean - mean*."""
    ranges: Floats
    """In each resample [B], the largest mean* - mean less the smallest."""
    pairs: tuple[Floats, Floats]
    """The distances of good and bad prompts, and their standard errors [pairs]."""
    examples: int


@dataclass(frozen=True, slots=True)
class Extreme:
    """The lowest or highest mean over prompts or their distance; of several tasks, the mean."""

    which: Which
    tasks: tuple[PromptMeans, ...]

    @property
    def value(self) -> float:
        """The extreme of A_k, averaged over tasks."""
        return float(np.mean([extreme_of(one.means, self.which) for one in self.tasks]))

    @property
    def examples(self) -> int:
        """Examples of all tasks."""
        return sum(one.examples for one in self.tasks)

    @property
    def prompt_share(self) -> float:
        """The share of the variance that further examples cannot reduce: none."""
        return 0.0

    def interval(self, confidence: float = 0.95) -> Interval | None:
        """Where the true value lies with these prompts taken as given, for all tasks at once.

        None where a task has a single example, and for the spread of a single prompt.
        """
        if any(one.examples < 2 for one in self.tasks):
            return None
        if self.which == "spread":
            return self._spread_interval(confidence)
        highest = self.which == "highest"
        # Tasks share no examples, so resample b of one may stand beside resample b of another.
        strays = [one.above if highest else one.below for one in self.tasks]
        own = student_quantile(confidence, math.inf)
        joint = max(own, float(np.quantile(np.max(strays, axis=0), (1 + confidence) / 2)))
        quantiles = (joint, own) if highest else (own, joint)
        ends = [_ends(one, quantiles, highest=highest) for one in self.tasks]
        low, high = np.mean(ends, axis=0)
        return float(low), float(high)

    def _spread_interval(self, confidence: float) -> Interval | None:
        if any(len(one.means) < 2 for one in self.tasks):
            return None
        strays = np.mean([one.ranges for one in self.tasks], axis=0)
        low = self.value - float(np.quantile(strays, (1 + confidence) / 2))
        own = student_quantile(confidence, math.inf)
        tops = [float((one.pairs[0] + own * one.pairs[1]).max()) for one in self.tasks]
        return max(0.0, low), min(1.0, float(np.mean(tops)))


def find_extreme(which: Which, means: Floats, resampled: Singles, examples: int) -> Extreme:
    """An extreme of `means` [K], given their values in resamples of the examples [B, K]."""
    # A resample without any of a prompt's examples (NaN) says nothing about that prompt.
    strayed = np.nan_to_num(resampled - means)
    errors = np.sqrt(np.mean(strayed**2, axis=0, dtype=np.float64))
    # A prompt that is always right (or wrong) never strays; one example's worth bounds its error.
    bounded = np.maximum(errors, 1 / (examples + 1))
    task = PromptMeans(
        means=means,
        errors=errors,
        above=(strayed / bounded).max(axis=1).astype(np.float64),
        below=(-strayed / bounded).max(axis=1).astype(np.float64),
        ranges=np.ptp(strayed, axis=1).astype(np.float64),
        pairs=_pair_distances(means, bounded, strayed, examples),
        examples=examples,
    )
    return Extreme(which, (task,))


def mean_of_extremes(extremes: Sequence[Extreme]) -> Extreme:
    """The plain mean of several tasks' extremes, all of one kind."""
    return Extreme(extremes[0].which, tuple(task for one in extremes for task in one.tasks))


def extreme_of(means: Floats | Singles, which: Which) -> Floats:
    """The extreme over the last axis, missing means left out.

    Example:
        >>> import numpy as np
        >>> float(extreme_of(np.array([0.61, 0.8, 0.75]), "spread").round(2))
        0.19
    """
    low, high = np.nanmin(means, axis=-1), np.nanmax(means, axis=-1)
    ends = {"lowest": low, "highest": high, "spread": high - low}
    return np.asarray(ends[which], dtype=np.float64)


def luck_variance(which: Which, second: Floats, first: Floats, families: Integers) -> float:
    """How much two equal models' extremes differ by their own luck with instructions.

    Were the models equal, each instruction's accuracies could as well have been the other run's.
    The variance is that of the extremes' difference over changing them over, all of an instruction
    together, after the runs' mean difference is taken off: a model that is better everywhere is no
    matter of luck.

    Args:
        which: the extreme.
        second: each prompt's accuracy in one run [K].
        first: the same prompts' in the other [K].
        families: each prompt's instruction [K].
    """
    centred = second - np.nanmean(second - first)
    distinct, codes = np.unique(families, return_inverse=True)
    changed = _changes(len(distinct))[:, codes]
    one, other = np.where(changed, first, centred), np.where(changed, centred, first)
    moves = extreme_of(one, which) - extreme_of(other, which)
    return float((moves**2).mean())


def _changes(families: int) -> Booleans:
    """Which families are changed over [changes, families]: every way, or as many at random."""
    if families <= _EVERY:
        ways = np.arange(2**families)[:, None] >> np.arange(families)
        return np.asarray(ways % 2 == 1)
    return np.random.default_rng(families).random((2**_EVERY, families)) < 0.5


def _ends(task: PromptMeans, quantiles: tuple[float, float], *, highest: bool) -> Interval:
    """The lower and upper end of the extreme, each from the prompts' own at its quantile."""
    low, high = (
        [wilson(mean, examples, quantile)[side] for mean, examples in _effective(task)]
        for side, quantile in enumerate(quantiles)
    )
    return (max(low), max(high)) if highest else (min(low), min(high))


def _effective(task: PromptMeans) -> list[tuple[float, float]]:
    """Each prompt's mean, and with how many independent examples it would be as sure."""
    inner = task.means * (1 - task.means)
    sure: Booleans = (inner <= 0) | (task.errors == 0)
    counts = np.where(sure, task.examples, inner / np.where(sure, 1.0, task.errors**2))
    return [(float(mean), float(count)) for mean, count in zip(task.means, counts, strict=True)]


def _pair_distances(
    means: Floats, errors: Floats, strayed: Floats, examples: int
) -> tuple[Floats, Floats]:
    """How far good prompts stand above bad ones, with the standard errors of these distances.

    Two prompts whose answers never differed get the error of one change each way (Bonett & Price
    2012).
    """
    good = _first(-(means + 2 * errors))
    bad = _first(means - 2 * errors)
    centred = strayed.astype(np.float64)
    both = centred[:, good].T @ centred[:, bad] / len(centred)  # [good, bad]
    square = (centred**2).mean(axis=0)
    variance = square[good][:, None] + square[bad][None, :] - 2 * both
    apart = good[:, None] != bad[None, :]
    distances = (means[good][:, None] - means[bad][None, :])[apart]
    return distances, np.sqrt(np.maximum(variance[apart], 2 / (examples + 2) ** 2))


def _first(order: Floats) -> Integers:
    """The places of the smallest values."""
    return np.argsort(order, kind="stable")[:_CANDIDATES]
