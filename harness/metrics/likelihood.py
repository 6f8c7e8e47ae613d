"""Sensitivity of the model's probabilities, where a scorer gives the labels' log-likelihoods.

`likelihood` is [K, N, C]: the log-likelihood in nats of each of C answers to example i under prompt
k, NaN where it is not known.
"""

from __future__ import annotations

import numpy as np

from harness.metrics.grid import Answers
from harness.metrics.pairs import mean_absolute_difference
from harness.stats.arrays import Booleans, Floats, Integers, Singles, ratio


def posix(likelihood: Singles, answer: Answers, lengths: Floats | Integers) -> float:
    """POSIX, the prompt sensitivity index: by how much a rephrased prompt moves an answer's odds.

    For an example, with y_j the model's answer to prompt x_j and L_j its length in tokens, the mean
    over ordered pairs i != j of (1 / L_j) |log P(y_j | x_i) - log P(y_j | x_j)|; then the mean over
    examples (arXiv 2410.02185). 0 is a model that no rephrasing moves.

    Args:
        likelihood: log P(y | x_k) of every answer [K, N, C].
        answer: the code of y_k [K, N]; negative where there is none.
        lengths: tokens of each answer [C].
    """
    known = _scored(likelihood) & (answer >= 0) & (answer < likelihood.shape[2])
    usable = np.where(known[:, :, None], likelihood, np.float32(0))
    total = np.zeros(answer.shape[1])
    for row in range(len(answer)):
        own = np.where(known[row], answer[row], 0)
        under = np.take_along_axis(usable, own[None, :, None], axis=2)[:, :, 0]  # [K, N]
        moved = np.abs(under - under[row]) / np.asarray(lengths)[own]
        total += np.where(known & known[row], moved, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    pairs = counts * (counts - 1)
    values = total[pairs > 0] / pairs[pairs > 0]
    return float(values.mean()) if len(values) else float("nan")


def answer_distributions(likelihood: Singles) -> Floats:
    """Each example's answer distribution: the softmax over answers, averaged over prompts [N, C].

    NaN for an example that no prompt has scored.
    """
    known = _scored(likelihood)
    shifted = np.where(known[:, :, None], likelihood, 0.0).astype(np.float64)
    shifted -= shifted.max(axis=2, keepdims=True)
    shares = np.exp(shifted)
    shares /= shares.sum(axis=2, keepdims=True)
    total: Floats = (shares * known[:, :, None]).sum(axis=0)
    return ratio(total, known.sum(axis=0)[:, None])


def answer_entropy(distributions: Floats) -> float:
    """Sensitivity: the mean over examples of the answers' entropy over prompts / log C.

    Distributions are [N, C]; 0 where all prompts give one sure answer, 1 where all answers are as
    likely (arXiv 2406.12334).
    """
    shares = distributions[np.isfinite(distributions).all(axis=1)]
    if not len(shares):
        return float("nan")
    terms = shares * np.log(np.where(shares > 0, shares, 1.0))
    return float(-terms.sum(axis=1).mean() / np.log(shares.shape[1]))


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
