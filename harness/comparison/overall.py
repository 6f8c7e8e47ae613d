"""Which of two runs is better over all: accuracy on perturbed instructions, every level alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.comparison.differences import Difference, Paired, adjusted, unadjusted
from harness.core.records import CLEAN, PERTURBED, in_level_order
from harness.metrics.grid import Grid, Group
from harness.stats.arrays import Floats, prompt_weights
from harness.stats.estimate import Estimate, mean_of
from harness.stats.multiplicity import holm
from harness.stats.twoway import estimate, influence_of_change


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
    both = (perturbed_part(pair.first, pair.second) for pair in tasks.values())
    parts = [part for part in both if part is not None]
    if not parts:
        return None
    found = mean_of([part.estimate for part in parts])
    firsts = [_mean(part.first, part.weights) for part in parts]
    seconds = [_mean(part.second, part.weights) for part in parts]
    difference = unadjusted(
        found,
        confidence=confidence,
        metric="accuracy",
        level=PERTURBED,
        task=None,
        first=float(np.mean(firsts)),
        second=float(np.mean(seconds)),
        prompts=sum(len(part.group.variants) for part in parts),
        examples=sum(len(part.group.examples) for part in parts),
        cells=sum(int(part.group.present.sum()) for part in parts),
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


@dataclass(frozen=True, slots=True)
class PerturbedPart:
    """One task's perturbed cells of two runs, and what they say of the difference."""

    group: Group
    """The first run's; the second's is laid out alike."""
    first: Floats
    second: Floats
    """Scores [K, N]."""
    weights: Floats
    estimate: Estimate


def perturbed_part(first: Grid, second: Grid) -> PerturbedPart | None:
    """The perturbed cells of a task that two runs share; None where there are none."""
    rows = np.flatnonzero(np.array(first.levels) != CLEAN)
    ours, theirs = first.group(rows), second.group(rows)
    if ours is None or theirs is None:
        return None
    weights = _weights(first, ours)
    change = influence_of_change(theirs.score, ours.score, weights)
    found = estimate(change, ours.families, kind="difference", texts=ours.texts)
    return PerturbedPart(ours, ours.score, theirs.score, weights, found)


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
