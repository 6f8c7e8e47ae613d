"""Which answer a perturbed cell moves to: counts by the clean answer and the perturbed one."""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.core.records import CLEAN, PERTURBED, in_level_order
from harness.metrics.grid import Grid
from harness.stats.arrays import Integers

_MOST_LABELS: Final = 20
"""Labels above which a table of moves tells nothing."""


def count_moves(grid: Grid, labels: int) -> dict[str, list[list[int]]]:
    """Cells by clean answer (rows) and perturbed answer (columns), by level and over all of them.

    Both in the order of the task's labels, unparsed last. Empty for free text, for more than 20
    labels, and where nothing was perturbed.

    Args:
        grid: the cells.
        labels: how many labels the task has; an answer that is none of them counts as unparsed.
    """
    if grid.is_open or not 0 < labels <= _MOST_LABELS:
        return {}
    counts = {
        level: _count(grid, grid.rows(level=level), labels)
        for level in in_level_order(grid.levels)
        if level != CLEAN
    }
    counts = {level: table for level, table in counts.items() if table.any()}
    if not counts:
        return {}
    total = np.sum(list(counts.values()), axis=0)
    return {name: table.tolist() for name, table in {PERTURBED: total, **counts}.items()}


def _count(grid: Grid, rows: Integers, labels: int) -> Integers:
    rows = rows[grid.clean_row[rows] >= 0]
    clean = grid.clean_row[rows]
    matched = grid.present[rows] & grid.present[clean]
    before, after = (
        np.where((codes < 0) | (codes >= labels), labels, codes)
        for codes in (grid.answer[clean][matched].astype(np.int64), grid.answer[rows][matched])
    )
    size = labels + 1
    return np.bincount(before * size + after, minlength=size * size).reshape(size, size)
