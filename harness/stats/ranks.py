"""Whether an order of several runs holds from prompt to prompt, and which run is the best."""

from __future__ import annotations

import numpy as np

from harness.stats.arrays import Floats


def kendalls_w(scores: Floats) -> float:
    """Kendall's coefficient of concordance W of prompts [K] that rank runs [M], with ties.

    W = 12 S / (K^2 (M^3 - M) - K T), S the sum of squares of the rank sums about their mean and
    T = sum over prompts and groups of t tied runs of t^3 - t (Kendall & Smith 1939). 1: every
    prompt gives the same order; 0: the orders cancel. NaN with fewer than two prompts or runs, and
    where every prompt ties all runs.

    Args:
        scores: accuracy of each run under each prompt [K, M].

    Example:
        >>> import numpy as np
        >>> scores = np.array([[0.9, 0.8, 0.7], [0.8, 0.7, 0.75]])
        >>> float(round(kendalls_w(scores), 3))
        0.75
    """
    prompts, runs = scores.shape
    if prompts < 2 or runs < 2:
        return float("nan")
    below = (scores[:, :, None] > scores[:, None, :]).sum(axis=2)
    tied = (scores[:, :, None] == scores[:, None, :]).sum(axis=2)
    ranks = below + (tied + 1) / 2  # [K, M], tied runs share their mean rank
    sums = ranks.sum(axis=0)
    deviation = float(((sums - sums.mean()) ** 2).sum())
    ties = sum(_tie_term(row) for row in scores)
    room = prompts**2 * (runs**3 - runs) - prompts * ties
    return 12 * deviation / room if room > 0 else float("nan")


def chance_of_best(resampled: Floats) -> Floats:
    """Each run's share of resamples [B, M] in which it is the best; ties are split evenly."""
    best = resampled == resampled.max(axis=1, keepdims=True)
    shares: Floats = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def chance_of_beating(resampled: Floats) -> Floats:
    """[M, M]: the share of resamples in which run a (row) is above run b, ties counting half."""
    above = resampled[:, :, None] > resampled[:, None, :]
    equal = resampled[:, :, None] == resampled[:, None, :]
    shares: Floats = (above + 0.5 * equal).mean(axis=0)
    return shares


def _tie_term(scores: Floats) -> float:
    _, counts = np.unique(scores, return_counts=True)
    return float((counts.astype(np.float64) ** 3 - counts).sum())
