"""Each perturbed variant beside the clean prompt that it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.metrics.grid import Grid
from harness.stats.arrays import Booleans
from harness.stats.estimate import Estimate
from harness.stats.twoway import estimate, influence_of_mean


@dataclass(frozen=True, slots=True)
class VariantDrop:
    """One variant's loss against its clean prompt, on the examples that both have."""

    variant: str
    task: str
    level: str
    perturbation: str
    instruction: str
    accuracy: float
    clean_accuracy: float
    drop: Estimate
    """Of this very pair of prompts: only the examples are a sample."""


def variant_drops(grid: Grid) -> list[VariantDrop]:
    """Every perturbed variant's drop against its clean prompt, on the examples both have."""
    drops = []
    for row in np.flatnonzero(grid.clean_row >= 0):
        clean = int(grid.clean_row[row])
        both = grid.present[row] & grid.present[clean]
        if clean == row or not both.any():
            continue
        drops.append(_variant_drop(grid, int(row), clean, both))
    return drops


def _variant_drop(grid: Grid, row: int, clean: int, both: Booleans) -> VariantDrop:
    score = grid.score[row, both].astype(np.float64)
    before = grid.score[clean, both].astype(np.float64)
    change = (before - score)[None, :]
    influence = influence_of_mean(change, np.full(change.shape, 1 / change.size))
    return VariantDrop(
        variant=grid.variants[row],
        task=grid.task,
        level=grid.levels[row],
        perturbation=grid.perturbations[row],
        instruction=grid.instructions[row],
        accuracy=float(score.mean()),
        clean_accuracy=float(before.mean()),
        drop=estimate(influence, np.zeros(1, dtype=np.int64), kind="difference"),
    )
