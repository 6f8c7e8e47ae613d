"""Sensitivity of the model's probabilities, where a scorer gives the labels' log-likelihoods.

`likelihood` is [K, N, C]: the log-likelihood in nats of each of C answers to example i under prompt
k, NaN where it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.metrics.grid import Answers
from harness.metrics.pairs import mean_absolute_difference, weighted_distances
from harness.stats.arrays import Booleans, Floats, Integers, Singles, ratio


def posix_by_cell(
    likelihood: Singles, answer: Answers, lengths: Sequence[int]
) -> tuple[Floats, Booleans]:
    """Each prompt's share in POSIX: the mean over its pairs, either way round [K, N].

    The second array says in which cells it is defined: those with likelihoods and an answer, of
    examples that have two of them at least.
    """
    known = _scored(likelihood) & (answer >= 0) & (answer < likelihood.shape[2])
    known &= known.sum(axis=0) > 1
    others = np.maximum(known.sum(axis=0) - 1, 1)
    moves = np.zeros(answer.shape)
    for code, length in enumerate(lengths):
        values = likelihood[:, :, code].astype(np.float64)
        given = known & (answer == code)
        # y_j under the other prompts where the cell gave it, and the others' y_i under this prompt.
        own = weighted_distances(values, known, known.astype(np.float64))
        theirs = weighted_distances(values, known, given.astype(np.float64))
        moves += (np.where(given, own, 0.0) + theirs) / (2 * length * others)
    return moves, known


def answer_shares(likelihood: Singles) -> tuple[Floats, Booleans]:
    """The softmax over answers of each cell [K, N, C], and in which cells it is known [K, N].

    Example:
        >>> import numpy as np
        >>> likelihood = np.log(np.array([[[0.2, 0.6]]], dtype=np.float32))
        >>> shares, known = answer_shares(likelihood)
        >>> shares.round(2), known
        (array([[[0.25, 0.75]]]), array([[ True]]))
    """
    known = _scored(likelihood)
    shares = np.where(known[:, :, None], likelihood, 0.0).astype(np.float64)
    shares -= shares.max(axis=2, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=2, keepdims=True)
    shares *= known[:, :, None]
    return shares, known


def answer_distributions(likelihood: Singles) -> Floats:
    """Each example's answer distribution: the softmax over answers, averaged over prompts [N, C].

    NaN for an example that no prompt has scored.
    """
    shares, known = answer_shares(likelihood)
    return ratio(shares.sum(axis=0), known.sum(axis=0)[:, None])


def entropies(distributions: Floats) -> Floats:
    """The entropy of each distribution [N, C], as a share of the most there can be: [N].

    Example:
        >>> import numpy as np
        >>> entropies(np.array([[0.5, 0.5], [0.9, 0.1]])).round(3)
        array([1.   , 0.469])
    """
    terms = distributions * np.log(np.where(distributions > 0, distributions, 1.0))
    found: Floats = -terms.sum(axis=1) / np.log(distributions.shape[1])
    return found


def answer_consistency(distributions: Floats, gold: Integers) -> float:
    """1 - total variation distance between examples of one class, averaged over pairs, then
    classes (arXiv 2406.12334).

    Args:
        distributions: each example's answer distribution over prompts [N, C].
        gold: each example's class [N]; negative where unknown. Classes of one example say nothing.
    """
    known = np.isfinite(distributions).all(axis=1)
    values = []
    for label in np.unique(gold[known & (gold >= 0)]):
        shares = distributions[known & (gold == label)]
        if len(shares) > 1:
            apart = mean_absolute_difference(shares, np.ones(shares.shape, dtype=np.bool_))
            values.append(1 - float(apart.sum()) / 2)
    return float(np.mean(values)) if values else float("nan")


def _scored(likelihood: Singles) -> Booleans:
    """The cells [K, N] in which every answer has a likelihood."""
    return np.asarray(np.isfinite(likelihood).all(axis=2))
