"""The metrics that carry an interval, by name, with which way is better.

`measure` returns one for a group of cells; `measure_difference` returns second - first for two
runs' groups that hold the same cells, with what they have in common cancelled; `average` is the
plain mean over tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from harness.core.errors import UnknownNameError
from harness.core.records import stable_hash
from harness.metrics import influences
from harness.metrics.accuracy import prompt_accuracies
from harness.metrics.ensembles import accuracy_ensemble
from harness.metrics.grid import Grid, Group
from harness.metrics.influences import InfluenceOf
from harness.stats.arrays import Floats, Singles
from harness.stats.bootstrap import resample_prompt_means
from harness.stats.ensemble import ShrunkenExtreme, mean_of_shrunken
from harness.stats.estimate import Estimate, Kind, mean_of
from harness.stats.extremes import (
    Extreme,
    Which,
    extreme_of,
    find_extreme,
    luck_variance,
    mean_of_extremes,
)
from harness.stats.twoway import (
    FEWEST,
    Influence,
    difference,
    estimate,
    influence_of_change,
    linear,
)

Measured: TypeAlias = Estimate | Extreme | ShrunkenExtreme


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric with an interval."""

    name: str
    better: Literal["higher", "lower"]
    kind: Kind
    influence: InfluenceOf | None = None
    """None for extremes over prompts, which are no averages: they are resampled."""
    extreme: Which | None = None


MEASURES: Final[dict[str, Measure]] = {
    one.name: one
    for one in (
        Measure("accuracy", "higher", "share", influences.of_accuracy),
        Measure("drop", "lower", "difference", influences.of_drop),
        Measure("pdr", "lower", "relative", influences.of_drop_rate),
        Measure("worst_prompt_accuracy", "higher", "share", extreme="lowest"),
        Measure("best_prompt_accuracy", "higher", "share", extreme="highest"),
        Measure("spread", "lower", "share", extreme="spread"),
        Measure("worst_case_accuracy", "higher", "share", influences.of_worst_case),
        Measure("best_case_accuracy", "higher", "share", influences.of_best_case),
        Measure("consistency", "higher", "share", influences.of_consistency),
        Measure("kappa", "higher", "relative", influences.of_kappa),
        Measure("correct_and_consistent", "higher", "share", influences.of_correct_and_consistent),
        Measure("instance_sensitivity", "lower", "share", influences.of_instance_sensitivity),
        Measure("flip_rate", "lower", "share", influences.of_flip_rate),
        Measure("largest_answer_share", "lower", "share", influences.of_largest_answer_share),
        Measure("posix", "lower", "ratio", influences.of_posix),
        Measure("answer_entropy", "lower", "share", influences.of_answer_entropy),
        Measure("unparsed_rate", "lower", "share", influences.of_unparsed_rate),
        Measure("accuracy_parsed", "higher", "share", influences.of_accuracy_parsed),
        Measure("coverage", "higher", "exact", influences.of_coverage),
    )
}


def get_measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        UnknownNameError: no such measure; the message offers the nearest ones.

    Example:
        >>> get_measure("drop").better
        'lower'
    """
    if name not in MEASURES:
        raise UnknownNameError("metric", name, MEASURES)
    return MEASURES[name]


def resample_grid(grid: Grid, seed: int, resamples: int) -> Singles:
    """The means of a task's prompts over resampled examples [resamples, K].

    The draws depend on the seed and the task alone, so runs that are compared are resampled alike.
    """
    rng = np.random.default_rng(stable_hash(seed, "resample", grid.task))
    return resample_prompt_means(grid.score.astype(np.float64), grid.present, rng, resamples)


def measure(name: str, group: Group, resampled: Singles) -> Measured | None:
    """A metric of a group with its uncertainty; None where it is undefined.

    Args:
        name: one of `MEASURES`.
        group: the cells.
        resampled: `resample_grid` of the grid that the group is part of.
    """
    one = get_measure(name)
    if one.extreme is not None and group.has_holes:
        return ShrunkenExtreme(one.extreme, (accuracy_ensemble(group),))
    if one.extreme is not None:
        means = prompt_accuracies(group.score, group.present)
        return find_extreme(one.extreme, means, resampled[:, group.rows], len(group.examples))
    influence = one.influence(group) if one.influence else None
    if influence is None:
        return None
    return _estimate(influence, group, one.kind)


def measure_difference(
    name: str, second: Group, first: Group, resampled: tuple[Singles, Singles]
) -> Estimate | None:
    """second - first of a metric on the same cells; None where it is undefined in either.

    Args:
        name: one of `MEASURES`.
        second: the cells of one run.
        first: the same cells of the other.
        resampled: as for `measure`, of second and of first, from the same resamples.
    """
    one = get_measure(name)
    if one.extreme is not None:
        return _extreme_difference(one.extreme, second, first, resampled)
    if one.influence is None:
        return None
    after, before = one.influence(second), one.influence(first)
    if after is None or before is None:
        return None
    change = difference(after, before)
    if one.influence is influences.of_accuracy:
        change = influence_of_change(second.score, first.score, after.weights)
    return _estimate(change, first, _kind_of_difference(one.kind))


def measure_relative_worsening(name: str, second: Group, first: Group) -> Estimate | None:
    """By which share of the first run's value the second is worse, on the same cells.

    1 - second / first where higher is better, second / first - 1 where lower is, linearised in both
    (the delta method, with what the two have in common cancelling). None where either is undefined,
    the first is 0, or the metric is an extreme over prompts.

    Args:
        name: one of `MEASURES`.
        second: the cells of one run.
        first: the same cells of the other.
    """
    one = get_measure(name)
    after, before = (one.influence(group) if one.influence else None for group in (second, first))
    if after is None or before is None or before.value == 0:
        return None
    sign = 1.0 if one.better == "higher" else -1.0
    rate = after.value / before.value
    terms = [(-sign / before.value, after), (sign * rate / before.value, before)]
    return _estimate(linear(sign * (1 - rate), terms), first, "ratio")


def average(measured: Sequence[Measured]) -> Measured:
    """The plain mean of a metric over tasks; all of one metric, at least one."""
    shrunken = [one for one in measured if not isinstance(one, Estimate)]
    extremes = [one for one in shrunken if isinstance(one, Extreme)]
    if len(extremes) < len(shrunken):
        return mean_of_shrunken(shrunken)
    if extremes:
        return mean_of_extremes(extremes)
    return mean_of([one for one in measured if isinstance(one, Estimate)])


def _estimate(influence: Influence, group: Group, kind: Kind) -> Estimate:
    # A metric that takes all prompts of an example together has one row.
    rows = slice(len(influence.weights))
    texts = None if group.texts is None else group.texts[rows]
    return estimate(influence, group.families[rows], kind=kind, texts=texts)


def _kind_of_difference(kind: Kind) -> Kind:
    kinds: dict[Kind, Kind] = {"share": "difference", "exact": "exact"}
    return kinds.get(kind, "difference" if kind == "difference" else "ratio")


def _extreme_difference(
    which: Which, second: Group, first: Group, resampled: tuple[Singles, Singles]
) -> Estimate:
    """Second - first of an extreme over prompts.

    Of equal models each has its own luck with instructions, which moves extremes as well. So the
    variance is that of changing over which run an instruction's accuracies belong to
    (`luck_variance`), beside that of the runs' mean difference, and at least that of resampled
    examples with the prompts taken as given. Fewer than three instructions are taken as given.
    """
    if first.has_holes or second.has_holes:
        return _shrunken_difference(which, second, first, resampled)
    examples = len(first.examples)
    grow = examples / max(examples - 1, 1)
    after, before = resampled[0][:, second.rows], resampled[1][:, first.rows]
    of_examples = grow * _variance(extreme_of(after, which) - extreme_of(before, which))
    accuracies = [prompt_accuracies(one.score, one.present) for one in (second, first)]
    families, free = len(np.unique(first.families)), max(examples - 1.0, 1.0)
    of_luck = 0.0
    if families >= FEWEST:
        of_luck = luck_variance(which, accuracies[0], accuracies[1], first.families)
        of_luck += 0.0 if which == "spread" else grow * _variance((after - before).mean(axis=1))
        free = min(free, 2.0 * (families - 1))
    return Estimate(
        value=float(extreme_of(accuracies[0], which) - extreme_of(accuracies[1], which)),
        variance=max(of_examples, of_luck),
        df=free,
        examples=examples,
        kind="difference",
        over="examples and instructions" if families >= FEWEST else "examples",
        prompt_variance=max(of_luck - of_examples, 0.0),
    )


def _shrunken_difference(
    which: Which, second: Group, first: Group, resampled: tuple[Singles, Singles]
) -> Estimate:
    """Second - first of an extreme where the runs share a part of the grid.

    To the variance by luck with instructions comes what the accuracies of both runs are unsure of.
    """
    after, before = accuracy_ensemble(second), accuracy_ensemble(first)
    examples, families = len(first.examples), len(np.unique(first.families))
    of_luck = 0.0
    if families >= FEWEST:
        of_luck = luck_variance(which, after.shrunken, before.shrunken, first.families)
    means = [one[:, group.rows] for one, group in zip(resampled, (second, first), strict=True)]
    shared = 0.0 if which == "spread" else _variance(np.nanmean(means[0] - means[1], axis=1))
    unsure = after.own_variance(which) + before.own_variance(which) + shared
    return Estimate(
        value=after.value(which) - before.value(which),
        variance=of_luck + unsure,
        df=2.0 * (families - 1) if families >= FEWEST else max(examples - 1.0, 1.0),
        examples=examples,
        kind="difference",
        over="examples and instructions" if families >= FEWEST else "examples",
        prompt_variance=of_luck,
    )


def _variance(resampled: Floats | Singles) -> float:
    return float(np.nanvar(resampled, ddof=1))
