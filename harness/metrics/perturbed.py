"""All perturbed cells of a run beside the clean cells that they are matched with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.records import CLEAN, RIGHT_FROM
from harness.metrics.flips import count_flips
from harness.metrics.grid import Grid, Group
from harness.metrics.group_stats import write_quantity
from harness.metrics.measures import Measured, average, measure
from harness.results.summary import Perturbed
from harness.stats.arrays import Singles


def describe_perturbed(
    grids: Sequence[Grid], resampled: Sequence[Singles], confidence: float
) -> Perturbed | None:
    """The flips of all perturbed levels together; None where nothing was perturbed.

    The rate is the plain mean over tasks of each task's rate, counts are sums.
    """
    pairs = [
        (group, means)
        for grid, means in zip(grids, resampled, strict=True)
        if (group := _perturbed_group(grid)) is not None
    ]
    if not pairs:
        return None
    rates: list[Measured] = [
        rate for group, means in pairs if (rate := measure("flip_rate", group, means)) is not None
    ]
    flips = [
        count_flips(one.score, one.answer, one.clean_score, one.clean_answer, one.matched)
        for one, _ in pairs
    ]
    return Perturbed(
        flip_rate=write_quantity(average(rates), confidence) if rates else None,
        cells=sum(int(group.matched.sum()) for group, _ in pairs),
        flips_right_wrong=sum(one.right_to_wrong for one in flips),
        flips_wrong_right=sum(one.wrong_to_right for one in flips),
        flips_wrong_wrong=sum(_other_wrong_answers(group) for group, _ in pairs),
    )


def _perturbed_group(grid: Grid) -> Group | None:
    return grid.group(np.flatnonzero(np.array(grid.levels) != CLEAN))


def _other_wrong_answers(group: Group) -> int:
    """Cells that are wrong before and after, and answered otherwise; of free text not counted."""
    if group.is_open:
        return 0
    wrong = (group.clean_score < RIGHT_FROM) & (group.score < RIGHT_FROM)
    return int((group.matched & wrong & (group.answer != group.clean_answer)).sum())
