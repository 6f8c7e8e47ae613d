"""The worst and the best of several prompts, with intervals that survive having been picked.

The smallest of K noisy accuracies is too low on average, so an interval around it alone would be
wrong more often than it says. Here every prompt gets an interval such that all K hold at once (the
largest studentised deviation over prompts, resampled; Romano & Wolf 2005, Econometrica 73(4)).
The true minimum then lies between the smallest lower and the smallest upper end, the true maximum
between the largest ones, and their distance between what these allow. The prompts are taken as
given: an interval says nothing of prompts that were not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.stats.arrays import Floats, Singles
from harness.stats.estimate import Interval

Which = Literal["lowest", "highest", "spread"]


@dataclass(frozen=True, slots=True)
class PromptMeans:
    """The means of a task's prompts [K], their standard errors, and how far resamples stray."""

    means: Floats
    errors: Floats
    deviations: Floats
    """In each resample of the examples [B], the largest |mean* - mean| / error of the prompts."""
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
        """Where the true value lies with these prompts taken as given, for all tasks at once."""
        if any(one.examples < 2 for one in self.tasks):
            return None
        # Tasks share no examples, so resample b of one may stand beside resample b of another.
        joint = np.max([one.deviations for one in self.tasks], axis=0)
        reach = float(np.quantile(joint, confidence))
        low, high = np.mean([_ends(one, reach, self.which) for one in self.tasks], axis=0)
        return float(low), float(high)


def find_extreme(which: Which, means: Floats, resampled: Singles, examples: int) -> Extreme:
    """An extreme of `means` [K], given their values in resamples of the examples [B, K]."""
    # A resample without any of a prompt's examples (NaN) says nothing about that prompt.
    strayed = np.nan_to_num(np.abs(resampled - means))
    errors = np.sqrt(np.mean(strayed**2, axis=0, dtype=np.float64))
    # A prompt that is always right (or wrong) never strays; one example's worth bounds its error.
    errors = np.maximum(errors, 1 / (examples + 1))
    deviations = (strayed / errors).max(axis=1).astype(np.float64)
    return Extreme(which, (PromptMeans(means, errors, deviations, examples),))


def mean_of_extremes(extremes: Sequence[Extreme]) -> Extreme:
    """The plain mean of several tasks' extremes, all of one kind."""
    return Extreme(extremes[0].which, tuple(task for one in extremes for task in one.tasks))


def extreme_of(means: Floats | Singles, which: Which) -> Floats:
    """The extreme over the last axis, missing means left out."""
    low, high = np.nanmin(means, axis=-1), np.nanmax(means, axis=-1)
    ends = {"lowest": low, "highest": high, "spread": high - low}
    return np.asarray(ends[which], dtype=np.float64)


def _ends(task: PromptMeans, reach: float, which: Which) -> Interval:
    low, high = (np.clip(task.means + side * reach * task.errors, 0.0, 1.0) for side in (-1, 1))
    if which == "spread":
        return max(0.0, float(low.max() - high.min())), float(high.max() - low.min())
    return float(extreme_of(low, which)), float(extreme_of(high, which))
