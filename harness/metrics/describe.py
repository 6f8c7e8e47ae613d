"""All metrics of a group of cells: plain values, and those that carry an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.metrics import accuracy as accuracies
from harness.metrics import drop, likelihood
from harness.metrics.ensembles import accuracy_ensemble, tolerance_of
from harness.metrics.flips import count_flips
from harness.metrics.grid import Grid, Group
from harness.metrics.measures import MEASURES, Measured, average, measure
from harness.metrics.variance import mean_shares, narrowing_of, variance_shares
from harness.results.summary import Narrowing, Tolerance, VarianceShares
from harness.stats.arrays import Singles

Value = float | int | str | None | list[float] | Tolerance | VarianceShares | Narrowing

_COUNTS: Final = ("flips_right_wrong", "flips_wrong_right", "prompts", "examples", "cells")


@dataclass(frozen=True, slots=True)
class Described:
    """The metrics of a group: plain values, and those that carry an interval."""

    values: Mapping[str, Value]
    measured: Mapping[str, Measured]


def describe(
    group: Group, grid: Grid, resampled: Singles, chance: float, *, confidence: float = 0.95
) -> Described:
    """Every metric of a group; those of likelihoods are None where the grid has none.

    Args:
        group: the cells.
        grid: the task's cells that the group is part of.
        resampled: the means of the grid's prompts over resampled examples [B, prompts of the grid].
        chance: the accuracy that needs no model: of guessing, or of one constant answer.
        confidence: of what is said of variants that were not asked.
    """
    measured = {name: measure(name, group, resampled) for name in MEASURES}
    values: dict[str, Value] = {
        **_accuracy_values(group),
        **_population_values(group, confidence),
        **_drop_values(group, chance),
        **_likelihood_values(group, grid),
        "prompts": len(group.variants),
        "examples": len(group.examples),
        "cells": int(group.present.sum()),
    }
    return Described(values, {name: one for name, one in measured.items() if one is not None})


def mean_described(tasks: Sequence[Described]) -> Described:
    """The plain mean over tasks of each metric; undefined ones are left out.

    Counts are summed, and `spread_p` is that of all tasks together.
    """
    if len(tasks) == 1:
        return tasks[0]
    measured = {}
    for name in MEASURES:
        found = [task.measured[name] for task in tasks if name in task.measured]
        if found:
            measured[name] = average(found)
    names = tasks[0].values
    return Described(
        {name: _mean_value(name, [task.values[name] for task in tasks]) for name in names}, measured
    )


def _accuracy_values(group: Group) -> dict[str, Value]:
    if group.has_holes:
        return _estimated_values(group)
    score, present = group.score, group.present
    row, _ = accuracies.worst_prompt(score, present)
    return {
        "std_over_prompts": accuracies.accuracy_std(score, present),
        "accuracy_quantiles": accuracies.accuracy_quantiles(score, present),
        "worst_prompt_id": group.variants[row],
        "null_spread": accuracies.null_spread(score, present),
        "spread_p": accuracies.spread_p(score, present, group.families),
        "combined_performance_score": accuracies.combined_performance_score(score, present),
        "variant_estimates": "own cells",
    }


def _estimated_values(group: Group) -> dict[str, Value]:
    """What is said of single variants that were asked on a part of the examples."""
    ensemble = accuracy_ensemble(group)
    best = ensemble.value("highest")
    mean = accuracies.accuracy(group.score, group.present)
    return {
        "std_over_prompts": ensemble.deviation,
        "accuracy_quantiles": list(ensemble.quantiles(accuracies.QUANTILES)),
        "worst_prompt_id": group.variants[int(ensemble.shrunken.argmin())],
        "null_spread": None,  # the spread is corrected for it
        "spread_p": accuracies.spread_p(group.score, group.present, group.families),
        "combined_performance_score": (1 - max(best - mean, 0.0)) * best,
        "variant_estimates": "shrunken",
    }


def _population_values(group: Group, confidence: float) -> dict[str, Value]:
    return {
        "tolerance": tolerance_of(accuracy_ensemble(group), confidence),
        "variance": variance_shares(group),
        "narrowing": narrowing_of(group, confidence),
    }


def _drop_values(group: Group, chance: float) -> dict[str, Value]:
    flips = count_flips(
        group.score, group.answer, group.clean_score, group.clean_answer, group.matched
    )
    rates = drop.chance_adjusted_drop_rates(
        group.score, group.clean_score, group.matched, chance, group.clean_present
    )
    known = rates[np.isfinite(rates)]
    any_matched = bool(group.matched.any())
    clean, perturbed = drop.matched_accuracies(
        group.score, group.clean_score, group.matched, group.families
    )
    return {
        "clean_accuracy_matched": clean,
        "accuracy_matched": perturbed,
        "pdr_chance_adjusted": float(known.mean()) if len(known) else None,
        "flips_right_wrong": flips.right_to_wrong if any_matched else None,
        "flips_wrong_right": flips.wrong_to_right if any_matched else None,
    }


def _likelihood_values(group: Group, grid: Grid) -> dict[str, Value]:
    if group.likelihood is None or group.has_holes:
        # Means of fewer distributions lie further apart, whatever the examples.
        return {"answer_consistency": None}
    gold = grid.gold[np.isin(grid.examples, group.examples)]
    distributions = likelihood.answer_distributions(group.likelihood)
    return {"answer_consistency": likelihood.answer_consistency(distributions, gold)}


def _mean_value(name: str, values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    if name == "pdr_flag":
        return known[0] if known else None
    if name == "variant_estimates":
        return "shrunken" if "shrunken" in known else "own cells"
    shares = [value for value in known if isinstance(value, VarianceShares)]
    return mean_shares(shares) if shares else _mean_number(name, known)


def _mean_number(name: str, known: Sequence[Value]) -> Value:
    numbers = [value for value in known if isinstance(value, int | float) and math.isfinite(value)]
    lists = [value for value in known if isinstance(value, list)]
    if lists:
        return [float(x) for x in np.mean(lists, axis=0)]
    if not numbers:
        return None
    if name == "spread_p":
        return accuracies.combined_spread_p(numbers)
    return sum(numbers) if name in _COUNTS else math.fsum(numbers) / len(numbers)
