"""The parts of a two-way variance where clusters of prompts were not asked on all examples.

What each cluster's cells of an example move a statistic by, r_gi = w_gi (y_gi - mean), holds the
cluster's luck, the example's, and the cell's own. Products of a cluster's cells of two examples
hold the cluster's luck alone, since neither an example's nor a cell's stands in both. They are
noisy where examples differ, so an example's luck is first taken off as far as its other cells show
it: of the mean of m cells with the correlation c, the share m c / (1 + (m - 1) c), which is the
best linear prediction (Henderson 1975, Biometrics 31). Taking off all of it, as a full grid may,
hides the clusters' luck: with one cell per example nothing would be left of it.
"""

from __future__ import annotations

import numpy as np

from harness.stats.arrays import Floats, ratio


def variance_parts(cells: Floats, given: Floats, weights: Floats) -> tuple[float, float, float]:
    """What clusters, examples and noise bring to the variance of a sum of cells.

    Args:
        cells: what each cluster's cells of an example move the statistic by [G, N].
        given: the same if prompts are taken as given [G, N].
        weights: of the clusters' cells [G, N]; they sum to 1.

    Returns:
        The variance that the clusters' own luck brings, by chance below 0; that of the examples
        with all noise of their cells; and the noise in the first, at most the second.
    """
    taken = _luck_shown(cells, weights)
    shares = ratio(weights, weights.sum(axis=0), undefined=0.0)
    above = cells - taken * shares * cells.sum(axis=0)
    of_cluster = above.sum(axis=1)
    noise = float((above**2).sum()) - _lost_in_centring(above, cells.sum(axis=0), weights, taken)
    products = float(of_cluster @ of_cluster) - noise
    own, shown = float((weights.sum(axis=1) ** 2).sum()), _shown(weights, shares, taken)
    grow = own / shown if shown > 0 else 0.0
    examples = _of_examples(given, weights)
    return grow * products, examples, min(max(grow * noise, 0.0), examples)


def _luck_shown(cells: Floats, weights: Floats) -> Floats:
    """What share of its cells' mean is an example's own luck [N]."""
    squares, whole = (weights**2).sum(axis=0), weights.sum(axis=0)
    apart = float((whole**2 - squares).sum())
    together = float((cells.sum(axis=0) ** 2 - (cells**2).sum(axis=0)).sum())
    of_cell = float((cells**2).sum() / squares.sum())
    known = apart > 0 and of_cell > 0
    correlation = min(max(together / apart / of_cell, 0.0), 1.0) if known else 0.0
    there = ratio(whole**2, squares, undefined=1.0)  # cells of an example, if they weigh alike
    return there * correlation / (1 + (there - 1) * correlation)


def _lost_in_centring(above: Floats, columns: Floats, weights: Floats, taken: Floats) -> float:
    """By how much products are too small since the mean follows every example's luck."""
    rest = weights * (1 - taken)
    of_row = rest.sum(axis=1, keepdims=True)
    with_mean = 2 * float(((of_row - rest) * above * columns).sum())
    return with_mean - float((of_row**2).sum() - (rest**2).sum()) * float(columns @ columns)


def _shown(weights: Floats, shares: Floats, taken: Floats) -> float:
    """How often the variance of a cluster's effect stands in the products.

    An effect a_h moves `above` of cluster g on example i by w_gi times (1 where g is h, less
    taken_i share_hi, less (1 - taken_i) w_h, its own part in the mean).
    """
    rows, left = weights.sum(axis=1), 1 - taken
    moved = np.diag(rows) - (taken * shares) @ weights.T
    moved -= np.outer((weights * left).sum(axis=1), rows)
    each = 1 - 2 * (taken * shares + left * rows[:, None])
    each += taken**2 * (shares**2).sum(axis=0) + 2 * taken * left * (rows @ shares)
    each += left**2 * (rows @ rows)
    return float((moved**2).sum() - (weights**2 * each).sum())


def _of_examples(cells: Floats, weights: Floats) -> float:
    """The examples' part: their sums, without the luck of the clusters that they were asked under.

    Taking that luck off takes something of the examples' own, by which the rest is grown.
    """
    by_row = ratio(weights, weights.sum(axis=1, keepdims=True), undefined=0.0)
    own = cells.sum(axis=0) - cells.sum(axis=1) @ by_row
    whole = weights.sum(axis=0)
    square = float(whole @ whole)
    taken = ((by_row @ by_row.T) * (weights @ weights.T)).sum()
    left = float(square - 2 * whole @ (by_row * weights).sum(axis=0) + taken)
    return (square / left if left > 0 else 1.0) * float(own @ own)
