"""Metrics by their plain definitions: what the harness's influences are held against in tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.metrics.accuracy import accuracy, most_frequent, prompt_accuracies
from harness.metrics.agreement import count_answers
from harness.metrics.drop import matched_accuracies, relative_drops
from harness.metrics.grid import UNPARSED, Answers
from harness.metrics.likelihood import entropies, posix_by_cell
from harness.metrics.pairs import mean_absolute_difference
from harness.stats.arrays import Booleans, Floats, Integers, Singles, example_weights


def spread(score: Floats, present: Booleans) -> float:
    """max_k A_k - min_k A_k (FormatSpread, arXiv 2310.11324).

    It grows with the number of prompts by chance alone: read it beside `null_spread`.
    """
    return float(np.ptp(prompt_accuracies(score, present)))


def worst_case_accuracy(score: Floats, present: Booleans) -> float:
    """W_item = mean_i min_k Y[k, i] (RobustAlpacaEval, arXiv 2406.10248)."""
    return _mean(np.where(present, score, np.inf).min(axis=0)[present.any(axis=0)])


def best_case_accuracy(score: Floats, present: Booleans) -> float:
    """B_item = mean_i max_k Y[k, i]; B_item - W_item is the gap that prompts open."""
    return _mean(np.where(present, score, -np.inf).max(axis=0)[present.any(axis=0)])


def largest_answer_share(answer: Answers, present: Booleans) -> float:
    """The mean over prompts of the share of answers that are the group's most frequent label.

    1 is a model that says the same to everything: perfectly consistent, and of no use.
    """
    return accuracy((answer == most_frequent(answer, present)).astype(np.float64), present)


def unparsed_rate(answer: Answers, present: Booleans) -> float:
    """The mean over prompts of the share of answers from which no label could be read."""
    return accuracy((answer == UNPARSED).astype(np.float64), present)


def accuracy_parsed(score: Floats, answer: Answers, present: Booleans) -> float:
    """Accuracy on parsed answers alone; prompts without any are left out."""
    parsed = present & (answer != UNPARSED)
    rows = parsed.any(axis=1)
    return accuracy(score[rows], parsed[rows])


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


def posix(likelihood: Singles, answer: Answers, lengths: Sequence[int]) -> float:
    """POSIX, the prompt sensitivity index: by how much a rephrased prompt moves an answer's odds.

    For an example, with y_j the model's answer to prompt x_j and L_j its length in tokens, the mean
    over ordered pairs i != j of (1 / L_j) |log P(y_j | x_i) - log P(y_j | x_j)|; then the mean over
    examples (arXiv 2410.02185). 0 is a model that no rephrasing moves.

    Args:
        likelihood: log P(y | x_k) of every answer [K, N, C].
        answer: the code of y_k [K, N]; negative where there is none.
        lengths: tokens of each answer [C].
    """
    moves, known = posix_by_cell(likelihood, answer, lengths)
    return float((moves * example_weights(known)).sum()) if known.any() else float("nan")


def answer_entropy(distributions: Floats) -> float:
    """Sensitivity: the mean over examples of the answers' entropy over prompts / log C.

    Distributions are [N, C]; 0 where all prompts give one sure answer, 1 where all answers are as
    likely (arXiv 2406.12334).
    """
    shares = distributions[np.isfinite(distributions).all(axis=1)]
    return float(entropies(shares).mean()) if len(shares) else float("nan")


def drop(
    score: Floats, clean: Floats, matched: Booleans, families: Integers | None = None
) -> float:
    """D = A_0 - mean_k A_k, as a fraction: positive where the variants do worse.

    Instructions count alike, however many variants each has; without `families` [K], each prompt's
    instruction, variants do.
    """
    before, after = matched_accuracies(score, clean, matched, families)
    return before - after


def performance_drop_rates(score: Floats, clean: Floats, matched: Booleans) -> Floats:
    """PDR_k = 1 - A_k / A_0 (PromptBench, arXiv 2306.04528): [K], NaN where A_0 = 0."""
    return relative_drops(prompt_accuracies(clean, matched), prompt_accuracies(score, matched))


def average_performance_drop_rate(score: Floats, clean: Floats, matched: Booleans) -> float:
    """APDR: the plain mean of PDR_k over the prompts for which it is defined.

    A mean of ratios, unlike `drop`, and not the worst of them: PromptBench's table of translated
    prompts prints the worst.
    """
    rates = performance_drop_rates(score, clean, matched)
    return float(np.nanmean(rates)) if np.isfinite(rates).any() else float("nan")


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
