"""Averages over pairs without a loop over pairs."""

from __future__ import annotations

import numpy as np

from harness.stats.arrays import Booleans, Floats, ratio


def mean_absolute_difference(values: Floats, present: Booleans) -> Floats:
    """The mean of |x_j - x_k| over the pairs of present rows j < k, for each column: [N].

    With the values sorted, x_(r) stands above r - 1 others and below n - r, so the sum over pairs
    is sum_r (2 r - n - 1) x_(r). NaN where fewer than two rows are present.
    """
    counts = present.sum(axis=0)
    ordered = np.sort(np.where(present, values, np.inf), axis=0)
    rank = np.arange(1, len(values) + 1)[:, None]
    coefficient = np.where(rank <= counts, 2 * rank - counts - 1, 0)
    total = (coefficient * np.where(rank <= counts, ordered, 0.0)).sum(axis=0)
    pairs = counts * (counts - 1) / 2
    return ratio(total, pairs)


def mean_distance_to_others(values: Floats, present: Booleans) -> Floats:
    """For each cell [K, N] the mean of |x_j - x_k| over the other present rows k of its column.

    0 in missing cells and in columns with one present row.

    Example:
        >>> import numpy as np
        >>> mean_distance_to_others(np.array([[1.0], [0.0], [1.0]]), np.ones((3, 1), dtype=bool))
        array([[0.5],
               [1. ],
               [0.5]])
    """
    total = weighted_distances(values, present, present.astype(np.float64))
    return ratio(total, np.maximum(present.sum(axis=0) - 1, 1))


def weighted_distances(values: Floats, present: Booleans, weights: Floats) -> Floats:
    """For each cell j [K, N] the sum of w_k |x_j - x_k| over the present rows k of its column.

    With the values sorted, and W and S the running sums of w and of w x, the sum is
    x_j (2 W_j - W) - (2 S_j - S). 0 in missing cells.
    """
    order = np.argsort(np.where(present, values, np.inf), axis=0, kind="stable")
    there = np.take_along_axis(present, order, axis=0)
    ordered = np.where(there, np.take_along_axis(values, order, axis=0), 0.0)
    heavy = np.where(there, np.take_along_axis(weights, order, axis=0), 0.0)
    weight, moment = np.cumsum(heavy, axis=0), np.cumsum(heavy * ordered, axis=0)
    total = ordered * (2 * weight - weight[-1]) - (2 * moment - moment[-1])
    distances = np.zeros_like(ordered)
    np.put_along_axis(distances, order, np.where(there, total, 0.0), axis=0)
    return distances
