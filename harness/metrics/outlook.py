"""What a run's drops vary with, and what a larger run of the same tasks would find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness.core.records import CLEAN, in_level_order
from harness.metrics.grid import Grid, Group
from harness.stats.planning import CellVariance, Question, measure_parts


def drop_questions(
    grids: Mapping[str, Grid], *, confidence: float, examples: Mapping[str, int] | None = None
) -> tuple[Question, ...]:
    """The drop of each level, with the variance parts that the run measured.

    Args:
        grids: each task's cells.
        confidence: of the tests, over all levels.
        examples: task -> how many examples there are to ask; those of the grid where not given.
    """
    levels: dict[str, list[tuple[Group, int]]] = {}
    for name, grid in grids.items():
        there = (examples or {}).get(name, len(grid.examples))
        for level in set(grid.levels) - {CLEAN}:
            group = grid.group(grid.rows(level=level))
            if group is not None and group.matched.any():
                levels.setdefault(level, []).append((group, there))
    return tuple(
        Question(
            name=level,
            parts=tuple(drop_parts(group) for group, _ in levels[level]),
            variants=tuple(_variants_each(group) for group, _ in levels[level]),
            examples=tuple(count for _, count in levels[level]),
            tests=len(levels),
            confidence=confidence,
        )
        for level in in_level_order(levels)
    )


def drop_parts(group: Group) -> CellVariance:
    """The variance parts of clean less perturbed score, cell by cell."""
    lost = group.clean_score - group.score
    flows = [float(np.maximum(side, 0.0)[group.matched].mean()) for side in (lost, -lost)]
    parts = measure_parts(lost, group.matched, group.families)
    return replace(parts, flows=(flows[0], flows[1]))


def _variants_each(group: Group) -> int:
    """How many variants an instruction has, about."""
    return max(round(len(group.variants) / len(np.unique(group.families))), 1)
