"""The worst of several prompts, with an interval that survives having been picked as the worst.

The smallest of K noisy accuracies is too low on average, so an interval around it alone would be
wrong more often than it says. Here every prompt gets an interval such that all K hold at once (the
largest studentised deviation over prompts, resampled; Romano & Wolf 2005, Econometrica 73(4)).
The true minimum then lies between the smallest lower and the smallest upper end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Floats, Singles
from harness.stats.estimate import Interval


@dataclass(frozen=True, slots=True)
class PromptMeans:
    """The means of a task's prompts [K], their standard errors, and how far resamples stray."""

    means: Floats
    errors: Floats
    deviations: Floats
    """In each resample of the examples [B], the largest |mean* - mean| / error of the prompts."""
    examples: int


@dataclass(frozen=True, slots=True)
class WorstPrompt:
    """The lowest mean over prompts; of several tasks, the plain mean of their lowest."""

    tasks: tuple[PromptMeans, ...]

    @property
    def value(self) -> float:
        """min_k A_k, averaged over tasks."""
        return float(np.mean([one.means.min() for one in self.tasks]))

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
        low = np.mean([_lowest(one, -reach) for one in self.tasks])
        high = np.mean([_lowest(one, reach) for one in self.tasks])
        return float(low), float(high)


def worst_prompt(means: Floats, resampled: Singles, examples: int) -> WorstPrompt:
    """The lowest of `means` [K], given their values in resamples of the examples [B, K]."""
    # A resample without any of a prompt's examples (NaN) says nothing about that prompt.
    strayed = np.nan_to_num(np.abs(resampled - means))
    errors = np.sqrt(np.mean(strayed**2, axis=0, dtype=np.float64))
    # A prompt that is always right (or wrong) never strays; one example's worth bounds its error.
    errors = np.maximum(errors, 1 / (examples + 1))
    deviations = (strayed / errors).max(axis=1).astype(np.float64)
    return WorstPrompt((PromptMeans(means, errors, deviations, examples),))


def mean_of_worst(worst: Sequence[WorstPrompt]) -> WorstPrompt:
    """The plain mean of several tasks' worst prompts."""
    return WorstPrompt(tuple(task for one in worst for task in one.tasks))


def _lowest(task: PromptMeans, reach: float) -> float:
    return float(np.clip((task.means + reach * task.errors).min(), 0.0, 1.0))
