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
    """
    counts = present.sum(axis=0)
    filled = np.where(present, values, np.inf)
    order = np.argsort(filled, axis=0, kind="stable")
    ordered = np.take_along_axis(filled, order, axis=0)
    rank = np.arange(1, len(values) + 1)[:, None]
    inside = rank <= counts
    ordered = np.where(inside, ordered, 0.0)
    below = np.cumsum(ordered, axis=0) - ordered
    above = ordered.sum(axis=0) - below - ordered
    total = np.where(inside, (2 * rank - counts - 1) * ordered + above - below, 0.0)
    distances = np.zeros_like(ordered)
    np.put_along_axis(distances, order, total / np.maximum(counts - 1, 1), axis=0)
    return distances
