"""Which of two runs is better over all: accuracy on perturbed instructions, every level alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from harness.comparison.differences import Difference, Paired, adjusted, unadjusted
from harness.core.records import CLEAN, in_level_order
from harness.metrics.grid import Grid, Group
from harness.stats.arrays import Floats, prompt_weights
from harness.stats.estimate import Estimate, mean_of
from harness.stats.multiplicity import holm
from harness.stats.twoway import estimate, influence_of_change

PERTURBED: Final = "perturbed"
"""The level that an overall difference has: all levels but clean, each with the same weight."""


def measure_overall(
    tasks: Mapping[str, Paired], *, confidence: float
) -> tuple[Difference, Estimate] | None:
    """The difference in accuracy over the perturbed levels, every level and task counting alike.

    One estimate on all cells, not a mean of the levels' own: levels share examples and
    instructions, so their differences move together, and a mean that takes them for independent
    would be too sure.

    Args:
        tasks: task -> the two runs' grids.
        confidence: of the interval.

    Returns:
        The difference (second - first), not yet adjusted for other runs beside it, and its
        estimate; None where nothing perturbed is shared.
    """
    parts = [part for pair in tasks.values() if (part := _part(pair)) is not None]
    if not parts:
        return None
    found = mean_of([estimate for estimate, _, _ in parts])
    firsts, seconds = ([_mean(side[place], side[2]) for _, _, side in parts] for place in (0, 1))
    difference = unadjusted(
        found,
        confidence=confidence,
        metric="accuracy",
        level=PERTURBED,
        task=None,
        first=float(np.mean(firsts)),
        second=float(np.mean(seconds)),
        prompts=sum(len(group.variants) for _, group, _ in parts),
        examples=sum(len(group.examples) for _, group, _ in parts),
        cells=sum(int(group.present.sum()) for _, group, _ in parts),
    )
    return difference, found


def adjust_overall(
    family: Sequence[tuple[Difference, Estimate] | None], confidence: float
) -> list[Difference | None]:
    """The runs' overall differences, adjusted (Holm) for how many runs stand beside each other."""
    known = [one for one in family if one is not None]
    tests = max(1, sum(not math.isnan(one.p) for one, _ in known))
    p_values = iter(holm([one.p for one, _ in known]))
    return [
        one and adjusted(*one, next(p_values), tests=tests, confidence=confidence) for one in family
    ]


_Sides = tuple[Floats, Floats, Floats]


def _part(pair: Paired) -> tuple[Estimate, Group, _Sides] | None:
    """One task's estimate, its cells, and both runs' scores with their weights."""
    rows = np.flatnonzero(np.array(pair.first.levels) != CLEAN)
    first, second = pair.first.group(rows), pair.second.group(rows)
    if first is None or second is None:
        return None
    weights = _weights(pair.first, first)
    change = influence_of_change(second.score, first.score, weights)
    found = estimate(change, first.families, kind="difference", texts=first.texts)
    return found, first, (first.score, second.score, weights)


def _weights(grid: Grid, group: Group) -> Floats:
    """Cell weights [K, N]: levels alike, in a level its variants, in a variant its cells."""
    own = np.array([grid.levels[row] for row in group.rows])
    levels = in_level_order(own.tolist())
    weights = np.zeros(group.present.shape)
    for level in levels:
        weights += prompt_weights(group.present & (own == level)[:, None]) / len(levels)
    return weights


def _mean(score: Floats, weights: Floats) -> float:
    return float((weights * score).sum())
