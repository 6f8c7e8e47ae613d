"""Metrics of labels that do not let a frequent one decide: each prompt's, then their mean.

They are numbers beside accuracy, from each prompt's confusion matrix of gold labels and answers. An
answer that could not be parsed is a wrong one of no label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from harness.metrics.grid import UNPARSED, Answers
from harness.stats.arrays import Booleans, Floats, Integers, ratio

LabelMetric = Callable[[Floats], Floats]
"""From confusion matrices [K, gold labels, answers] to values [K]; unparsed answers come last."""


def label_metrics(
    names: Sequence[str],
    answer: Answers,
    gold: Integers,
    present: Booleans,
    labels: int,
    places: Sequence[int] | None = None,
) -> dict[str, float]:
    """The wanted metrics of some prompts, each the mean over prompts in which it is defined.

    Args:
        names: of `METRICS`; others are left out.
        answer: codes of answers [K, N].
        gold: codes of the right answers [N].
        present: which cells are there [K, N].
        labels: how many labels the task has.
        places: where each label stands on its scale, from 0; None where labels have no order, and
            no metric of one.

    Example:
        >>> import numpy as np
        >>> answer, gold = np.array([[0, 0, 0, 1]]), np.array([0, 0, 1, 1])
        >>> label_metrics(["macro_f1"], answer, gold, np.ones((1, 4), dtype=bool), 2)
        {'macro_f1': 0.7333333333333334}
    """
    wanted = [name for name in names if name in METRICS or (name in ORDINAL and places)]
    if not wanted:
        return {}
    counts = confusions(answer, gold, present, labels)
    ordered = in_order(counts, places) if places else counts
    values = {
        name: METRICS[name](counts) if name in METRICS else ORDINAL[name](ordered)
        for name in wanted
    }
    return {
        name: float(np.nanmean(of_prompts))
        for name, of_prompts in values.items()
        if np.isfinite(of_prompts).any()
    }


def confusions(answer: Answers, gold: Integers, present: Booleans, labels: int) -> Floats:
    """How often each prompt gave each answer to each gold label: [K, labels, labels + 1]."""
    given = np.where((answer == UNPARSED) | (answer >= labels), labels, answer)
    known = present & (gold >= 0) & (gold < labels)
    prompts = np.broadcast_to(np.arange(len(answer))[:, None], answer.shape)
    cells = (prompts * labels + np.maximum(gold, 0)) * (labels + 1) + given
    shape = (len(answer), labels, labels + 1)
    counts = np.bincount(cells[known], minlength=int(np.prod(shape)))
    return counts.astype(np.float64).reshape(shape)


def balanced_accuracy(counts: Floats) -> Floats:
    """The mean over gold labels of the share that is answered right."""
    right = np.diagonal(counts, axis1=1, axis2=2)
    return _mean_known(ratio(right, counts.sum(axis=2)))


def macro_f1(counts: Floats) -> Floats:
    """The mean over labels that are gold or given of 2 right / (gold + given)."""
    right = np.diagonal(counts, axis1=1, axis2=2)
    named = counts.sum(axis=2) + counts.sum(axis=1)[:, :-1]
    return _mean_known(ratio(2 * right, named))


def matthews_correlation(counts: Floats) -> Floats:
    """Matthews' correlation of gold labels and answers, for any number of labels (Gorodkin 2004).

    0 where one label is all that is gold or one answer all that is given.
    """
    total = counts.sum(axis=(1, 2))
    right = np.diagonal(counts, axis1=1, axis2=2).sum(axis=1)
    gold, given = counts.sum(axis=2), counts.sum(axis=1)
    both = (gold * given[:, :-1]).sum(axis=1)
    of_gold = total**2 - (gold**2).sum(axis=1)
    of_given = total**2 - (given**2).sum(axis=1)
    return ratio(right * total - both, np.sqrt(of_gold * of_given), undefined=0.0)


def in_order(counts: Floats, places: Sequence[int]) -> Floats:
    """Confusion matrices of labels on a scale [K, places, places].

    An answer that could not be parsed is taken for the label that is farthest from the gold one.
    """
    order = np.argsort(places)
    ordered = counts[:, order][:, :, order]
    rows = np.arange(len(order))
    farthest = np.where(rows < (len(order) - 1) / 2, len(order) - 1, 0)
    ordered[:, rows, farthest] += counts[:, order, -1]
    return ordered


def mean_absolute_error(counts: Floats) -> Floats:
    """The mean number of steps between gold label and answer."""
    steps = np.abs(np.subtract.outer(*[np.arange(counts.shape[1])] * 2))
    return ratio((counts * steps).sum(axis=(1, 2)), counts.sum(axis=(1, 2)))


def quadratic_kappa(counts: Floats) -> Floats:
    """Cohen's kappa with weights that grow as the square of the steps (Cohen 1968).

    1 less the mean squared step over what it would be were answers drawn without regard to the gold
    labels; undefined where that is 0.
    """
    squares = np.subtract.outer(*[np.arange(counts.shape[1])] * 2) ** 2
    gold, given = counts.sum(axis=2), counts.sum(axis=1)
    by_chance = (gold[:, :, None] * given[:, None, :] * squares).sum(axis=(1, 2))
    total = counts.sum(axis=(1, 2))
    return 1 - ratio((counts * squares).sum(axis=(1, 2)) * total, by_chance)


def _mean_known(values: Floats) -> Floats:
    """The mean of each row's values that are known [K]."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))


METRICS: Final[Mapping[str, LabelMetric]] = {
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "mcc": matthews_correlation,
}
"""What a task file may ask for beside accuracy."""
ORDINAL: Final[Mapping[str, LabelMetric]] = {
    "mean_absolute_error": mean_absolute_error,
    "quadratic_kappa": quadratic_kappa,
}
"""What is said of labels that have an order; of matrices from `in_order`."""
