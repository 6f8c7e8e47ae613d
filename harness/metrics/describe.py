"""All metrics of a group of cells: plain values, and those that carry an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.metrics import accuracy as accuracies
from harness.metrics import drop, likelihood
from harness.metrics.flips import count_flips
from harness.metrics.grid import Grid, Group
from harness.metrics.measures import MEASURES, Measured, average, measure
from harness.stats.arrays import Singles

Value = float | int | str | None | list[float]

_COUNTS: Final = ("flips_right_wrong", "flips_wrong_right", "prompts", "examples", "cells")


@dataclass(frozen=True, slots=True)
class Described:
    """The metrics of a group: plain values, and those that carry an interval."""

    values: Mapping[str, Value]
    measured: Mapping[str, Measured]


def describe(group: Group, grid: Grid, resampled: Singles, chance: float) -> Described:
    """Every metric of a group; those of likelihoods are None where the grid has none.

    Args:
        group: the cells.
        grid: the task's cells that the group is part of.
        resampled: the means of the grid's prompts over resampled examples [B, prompts of the grid].
        chance: the accuracy that needs no model: of guessing, or of one constant answer.
    """
    measured = {name: measure(name, group, resampled) for name in MEASURES}
    values: dict[str, Value] = {
        **_accuracy_values(group),
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
    score, present = group.score, group.present
    row, _ = accuracies.worst_prompt(score, present)
    return {
        "std_over_prompts": accuracies.accuracy_std(score, present),
        "accuracy_quantiles": accuracies.accuracy_quantiles(score, present),
        "worst_prompt_id": group.variants[row],
        "null_spread": accuracies.null_spread(score, present),
        "spread_p": accuracies.spread_p(score, present, group.families),
        "combined_performance_score": accuracies.combined_performance_score(score, present),
    }


def _drop_values(group: Group, chance: float) -> dict[str, Value]:
    flips = count_flips(
        group.score, group.answer, group.clean_score, group.clean_answer, group.matched
    )
    rates = drop.chance_adjusted_drop_rates(group.score, group.clean_score, group.matched, chance)
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
    if group.likelihood is None:
        return {"answer_consistency": None}
    gold = grid.gold[np.isin(grid.examples, group.examples)]
    distributions = likelihood.answer_distributions(group.likelihood)
    return {"answer_consistency": likelihood.answer_consistency(distributions, gold)}


def _mean_value(name: str, values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    if name == "pdr_flag":
        return known[0] if known else None
    numbers = [value for value in known if isinstance(value, int | float) and math.isfinite(value)]
    lists = [value for value in known if isinstance(value, list)]
    if lists:
        return [float(x) for x in np.mean(lists, axis=0)]
    if not numbers:
        return None
    if name == "spread_p":
        return accuracies.combined_spread_p(numbers)
    return sum(numbers) if name in _COUNTS else math.fsum(numbers) / len(numbers)
