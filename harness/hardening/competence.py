"""Whether a model does its task at all: how robust guesses are means nothing."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, variance

from harness.stats.estimate import Estimate


def is_above(scores: Sequence[float], reference: float) -> bool:
    """Whether a model's scores are above what needs no model, with 97.5 % confidence.

    The wordings are taken as given: a run over few of them cannot say how it does under all, but
    it can say that it does not guess under these.

    Args:
        scores: each example's mean score over its clean cells, in [0, 1].
        reference: the accuracy of guessing, or of one constant answer.

    Example:
        >>> is_above([1.0] * 8, 0.5), is_above([1.0, 0.0] * 50, 0.5)
        (True, False)
    """
    if len(scores) < 2:
        return False
    estimate = Estimate(
        value=fmean(scores),
        variance=variance(scores) / len(scores),
        df=len(scores) - 1,
        examples=len(scores),
        kind="share",
        over="examples",
    )
    interval = estimate.interval()
    return interval is not None and interval[0] > reference
