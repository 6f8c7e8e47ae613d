"""What each cell contributes to a metric: from this follow intervals and paired differences.

Each function returns the influence of one metric on a group of cells, or None where the metric is
undefined there. The values are those of `harness.metrics`; here they stand as averages of cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from harness.core.records import RIGHT_FROM
from harness.metrics.accuracy import most_frequent, prompt_accuracies
from harness.metrics.agreement import agreement_with_others, count_answers
from harness.metrics.drop import relative_drops
from harness.metrics.grid import UNPARSED, Group
from harness.metrics.likelihood import answer_shares, entropies, posix_by_cell
from harness.metrics.open_answers import code_by_example
from harness.metrics.pairs import mean_distance_to_others
from harness.stats.arrays import (
    Booleans,
    Floats,
    example_weights,
    family_weights,
    prompt_weights,
    ratio,
)
from harness.stats.twoway import Influence, influence_of_change, influence_of_mean, linear

InfluenceOf: TypeAlias = Callable[[Group], Influence | None]


def of_accuracy(group: Group) -> Influence:
    """mean_k A_k."""
    return influence_of_mean(group.score, prompt_weights(group.present))


def of_drop(group: Group) -> Influence | None:
    """A_0 - mean_k A_k, cell by cell against the clean prompt on the same example."""
    if not group.matched.any():
        return None
    weights = family_weights(group.matched, group.families)
    return influence_of_change(group.clean_score, group.score, weights)


def of_drop_rate(group: Group) -> Influence | None:
    """APDR = mean_k (1 - A_k / A_0), linearised: A_k and A_0 of a prompt move with their cells."""
    if group.has_holes:
        return _of_drop_rate_with_holes(group)
    clean = prompt_accuracies(group.clean_score, group.matched)
    after = prompt_accuracies(group.score, group.matched)
    usable = np.nan_to_num(clean) > 0
    if not usable.any():
        return None
    clean, after = np.where(usable, clean, 1.0)[:, None], np.where(usable, after, 0.0)[:, None]
    rates = relative_drops(clean[:, 0], after[:, 0])[:, None]
    moved = (group.score - after) - after / clean * (group.clean_score - clean)
    weights = prompt_weights(group.matched & usable[:, None])
    influence = influence_of_mean(rates - moved / clean, weights)
    return replace(influence, unit=float((weights / clean).sum()))


def _of_drop_rate_with_holes(group: Group) -> Influence | None:
    """The mean over prompts of what their cells lose, by A_0 on all examples, which has no holes.

    A_0 on a prompt's few examples would be 0 for some, and the mean of such ratios is off.
    """
    there = group.matched if group.clean_present is None else group.clean_present
    clean = np.nan_to_num(prompt_accuracies(group.clean_score, there))[:, None]
    weights = prompt_weights(group.matched & (clean > 0))
    if not weights.any():
        return None
    lost = ratio(group.clean_score - group.score, clean, undefined=0.0)
    unit = float((weights * ratio(np.ones_like(clean), clean, undefined=0.0)).sum())
    return replace(influence_of_mean(lost, weights), unit=unit)


def of_consistency(group: Group) -> Influence | None:
    """CR: the mean over cells of the agreement with the other prompts on the same example."""
    compared = _compared(group.present)
    if not compared.any():
        return None
    answer, classes = group.answer, group.classes
    if group.is_open:
        answer, classes = code_by_example(answer, group.present)
    agreement = agreement_with_others(answer, group.present, classes)
    return influence_of_mean(agreement, example_weights(compared), of_pairs=True)


def of_kappa(group: Group) -> Influence | None:
    """Fleiss' kappa (CR - E) / (1 - E), through its derivatives by CR and by E.

    Undefined for free text, which has no fixed set of answers that two could agree on by chance.
    """
    if group.is_open:
        return None
    agreement = of_consistency(group)
    if agreement is None:
        return None
    compared = _compared(group.present)
    counts = count_answers(group.answer, compared, group.classes).sum(axis=0)
    shares = counts / counts.sum()
    expected = float((shares**2).sum())
    if expected == 1.0:
        return None
    codes = np.where(group.answer == UNPARSED, group.classes, group.answer)
    # E = sum_c p_c^2 moves by 2 sum_c p_c dp_c, so a cell weighs twice its own answer's share.
    chance = influence_of_mean(2 * shares[codes], compared / compared.sum())
    room = 1 - expected
    return linear(
        (agreement.value - expected) / room,
        [(1 / room, agreement), (-(1 - agreement.value) / room**2, chance)],
    )


def of_instance_sensitivity(group: Group) -> Influence | None:
    """PSS: the mean over cells of the distance to the other prompts' scores on the same example."""
    compared = _compared(group.present)
    if not compared.any():
        return None
    distances = mean_distance_to_others(group.score, group.present)
    return influence_of_mean(distances, example_weights(compared), of_pairs=True)


def of_correct_and_consistent(group: Group) -> Influence | None:
    """The share of examples that are right under every prompt: one row, prompts as given.

    A score counts as right from `RIGHT_FROM` on.

    Undefined with holes, as are the two that follow: fewer prompts fail an example less often.
    """
    if group.has_holes:
        return None
    worst = np.where(group.present, group.score, 1.0).min(axis=0)
    return _of_examples(np.where(worst >= RIGHT_FROM, 1.0, 0.0), group.present)


def of_worst_case(group: Group) -> Influence | None:
    """W_item = mean_i min_k Y[k, i]: one row, prompts as given."""
    if group.has_holes:
        return None
    return _of_examples(np.where(group.present, group.score, np.inf).min(axis=0), group.present)


def of_best_case(group: Group) -> Influence | None:
    """B_item = mean_i max_k Y[k, i]: one row, prompts as given."""
    if group.has_holes:
        return None
    return _of_examples(np.where(group.present, group.score, -np.inf).max(axis=0), group.present)


def of_flip_rate(group: Group) -> Influence | None:
    """The share of cells with another answer than the clean prompt's.

    Of free text, which is seldom worded alike, the share that is right where the clean prompt's
    answer is wrong, or the other way round.
    """
    if not group.matched.any():
        return None
    flipped = (group.answer != group.clean_answer).astype(np.float64)
    if group.is_open:
        crossed = (group.score >= RIGHT_FROM) != (group.clean_score >= RIGHT_FROM)
        flipped = crossed.astype(np.float64)
    return influence_of_mean(flipped, prompt_weights(group.matched))


def of_largest_answer_share(group: Group) -> Influence:
    """The share of answers that are the group's most frequent label."""
    most = most_frequent(group.answer, group.present)
    same = (group.answer == most).astype(np.float64)
    return influence_of_mean(same, prompt_weights(group.present))


def of_unparsed_rate(group: Group) -> Influence:
    """The share of answers from which no label could be read."""
    unparsed = (group.answer == UNPARSED).astype(np.float64)
    return influence_of_mean(unparsed, prompt_weights(group.present))


def of_accuracy_parsed(group: Group) -> Influence | None:
    """Accuracy on parsed answers alone."""
    parsed = group.present & (group.answer != UNPARSED)
    return influence_of_mean(group.score, prompt_weights(parsed)) if parsed.any() else None


def of_coverage(group: Group) -> Influence:
    """The share of the grid's cells that were evaluated: counted, not sampled, so it is exact."""
    share = float(group.present.sum()) / group.planned if group.planned else 1.0
    nothing = np.zeros(group.present.shape)
    return Influence(share, nothing, nothing, prompt_weights(group.present))


def of_posix(group: Group) -> Influence | None:
    """POSIX: the mean over cells of their mean move against the other prompts."""
    if group.likelihood is None or group.label_tokens is None:
        return None
    moves, known = posix_by_cell(group.likelihood, group.answer, group.label_tokens)
    if not known.any():
        return None
    return influence_of_mean(moves, example_weights(known), of_pairs=True)


def of_answer_entropy(group: Group) -> Influence | None:
    """The mean entropy of the distributions averaged over prompts, through its derivatives.

    An example's entropy H(p), p the mean of its cells' s_k, moves with cell k by
    -sum_c (log p_c + 1) (s_kc - p_c) / log C, divided by the number of cells. Undefined with holes:
    the mean of fewer distributions has a lower entropy.
    """
    if group.has_holes or group.likelihood is None or group.likelihood.shape[2] < 2:
        return None
    shares, known = answer_shares(group.likelihood)
    if not known.any():
        return None
    mean = ratio(shares.sum(axis=0), known.sum(axis=0)[:, None], undefined=0.0)
    slope = -(np.log(np.where(mean > 0, mean, 1.0)) + 1) / np.log(mean.shape[1])
    moves = ((shares - mean) * slope).sum(axis=2)
    return influence_of_mean(entropies(mean) + np.where(known, moves, 0.0), example_weights(known))


def _compared(present: Booleans) -> Booleans:
    """The cells of examples that two prompts at least have answered."""
    compared: Booleans = present & (present.sum(axis=0) > 1)
    return compared


def _of_examples(values: Floats, present: Booleans) -> Influence:
    """The mean of one value an example [N], the prompts taken as given."""
    asked = present.any(axis=0, keepdims=True)
    return influence_of_mean(np.where(asked, values, 0.0), prompt_weights(np.asarray(asked)))
