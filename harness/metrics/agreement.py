"""Whether prompts give the same answers to the same examples.

Answers are codes [K, N]. An answer that could not be parsed is an answer of its own ("none"): two
of them agree, so agreement is to be read beside the rate of unparsed answers. Examples that fewer
than two prompts answered say nothing and are left out.
"""

from __future__ import annotations

import numpy as np

from harness.metrics.grid import Answers
from harness.metrics.pairs import mean_absolute_difference
from harness.stats.arrays import Booleans, Floats, Integers


def count_answers(answer: Answers, present: Booleans, classes: int) -> Integers:
    """How many prompts gave each answer to each example: [N, classes + 1], unparsed last."""
    examples = answer.shape[1]
    codes = np.where(answer < 0, classes, answer) + (classes + 1) * np.arange(examples)
    counts = np.bincount(codes[present].ravel(), minlength=examples * (classes + 1))
    return counts.reshape(examples, classes + 1)


def agreement_with_others(answer: Answers, present: Booleans, classes: int) -> Floats:
    """For each cell [K, N] the share of the other prompts that answered the same.

    Its mean over an example's cells is the share of agreeing pairs. 0 where a cell is missing.
    """
    counts = count_answers(answer, present, classes)
    codes = np.where(answer < 0, classes, answer)
    same = counts[np.arange(answer.shape[1]), codes] - 1
    others = np.maximum(counts.sum(axis=1) - 1, 1)
    return np.where(present, same / others, 0.0)


def pair_agreement(answer: Answers, present: Booleans, classes: int) -> Floats:
    """For each example that two prompts answered, the share of pairs j < k that agree: [<= N]."""
    counts = count_answers(answer, present, classes)
    total = counts.sum(axis=1)
    counts, total = counts[total > 1], total[total > 1]
    shares: Floats = (counts * (counts - 1)).sum(axis=1) / (total * (total - 1))
    return shares


def consistency(answer: Answers, present: Booleans, classes: int) -> float:
    """CR = mean_i of the share of prompt pairs j < k with the same answer to example i.

    Needs no gold labels. With few classes its chance level is high: read `fleiss_kappa` beside it.
    NaN with one prompt.
    """
    agreement = pair_agreement(answer, present, classes)
    return float(agreement.mean()) if len(agreement) else float("nan")


def fleiss_kappa(answer: Answers, present: Booleans, classes: int) -> float:
    """Fleiss' kappa, (CR - E) / (1 - E): agreement beyond what the answers' frequencies give.

    E = sum_c p_c^2, p_c the share of answer c among all (Fleiss 1971). NaN where every answer is
    the same, and with one prompt.
    """
    counts = count_answers(answer, present, classes)
    counts = counts[counts.sum(axis=1) > 1]
    if not len(counts):
        return float("nan")
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    if expected == 1.0:
        return float("nan")
    return (consistency(answer, present, classes) - expected) / (1 - expected)


def correct_and_consistent(score: Floats, present: Booleans) -> float:
    """The share of examples that are right under every prompt."""
    right = (np.where(present, score, 1.0) == 1.0).all(axis=0)[present.any(axis=0)]
    return float(right.mean()) if len(right) else float("nan")


def instance_sensitivity(score: Floats, present: Booleans) -> float:
    """PSS = mean_i of the mean over pairs j < k of |Y[j, i] - Y[k, i]| (ProSA, arXiv 2410.12405).

    NaN with one prompt.
    """
    distances = mean_absolute_difference(score, present)
    known = distances[np.isfinite(distances)]
    return float(known.mean()) if len(known) else float("nan")
