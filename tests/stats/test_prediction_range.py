"""The range that half-widths of single runs are said to fall into, against simulated runs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.metrics.influences import of_drop
from harness.metrics.variance import drop_cells
from harness.stats.arrays import Floats, family_weights
from harness.stats.planning import pool_parts
from harness.stats.prediction import CellVariance, Size, half_width, predict
from harness.stats.prediction_range import half_width_range
from harness.stats.twoway import estimate, influence_of_mean
from tests.support.incomplete_grids import draw_run

PARTS = CellVariance(0.01, 0.02, 0.1, 0.04, 0.06, mean=0.1)
DROP = CellVariance(0.002, 0.0, 0.02, 0.02, 0.2, flows=(0.1, 0.05))
SIZE = Size(6, 4, 60)


def _cells(rng: np.random.Generator) -> Floats:
    """Cells with the variances of `PARTS`, as many as `SIZE` says."""
    family, shape = np.repeat(np.arange(6), 4), (24, 60)
    return (
        0.1
        + math.sqrt(PARTS.instructions) * rng.normal(size=(6, 1))[family]
        + math.sqrt(PARTS.variants) * rng.normal(size=(24, 1))
        + math.sqrt(PARTS.examples) * rng.normal(size=(1, 60))
        + math.sqrt(PARTS.meetings) * rng.normal(size=(6, 60))[family]
        + math.sqrt(PARTS.cells) * rng.normal(size=shape)
    )


def _found(cells: Floats) -> float:
    family = np.repeat(np.arange(6), 4)
    weights = family_weights(np.ones(cells.shape, dtype=np.bool_), family)
    return half_width(estimate(influence_of_mean(cells, weights), family, kind="ratio"), 0.95)


def test_four_of_five_runs_fall_into_the_range() -> None:
    rng = np.random.default_rng(0)
    low, high = half_width_range([PARTS], [SIZE], 0.95)
    widths = np.array([_found(_cells(rng)) for _ in range(400)])
    assert 0.74 <= np.mean((low <= widths) & (widths <= high)) <= 0.86
    assert low < half_width(predict(PARTS, SIZE), 0.95) < high


def test_a_plan_from_a_fifth_of_a_run_allows_for_what_the_fifth_does_not_know() -> None:
    rng, size = np.random.default_rng(1), Size(6, 5, 100)
    held = []
    for _ in range(120):
        drawn = draw_run((6, 5, 100), 0.2, rng)
        part, full = of_drop(drawn.asked), of_drop(drawn.full)
        assert part is not None
        assert full is not None
        parts = replace(pool_parts([drop_cells(drawn.asked)]), flows=part.flows)
        low, high = half_width_range([parts], [size], 0.95, measured_on=[replace(size, share=0.2)])
        found = half_width(estimate(full, drawn.full.families, kind="difference"), 0.95)
        held.append(low <= found <= high)
    assert 0.7 <= np.mean(held) <= 0.9


def test_what_is_measured_is_less_sure_than_what_is_known_and_tasks_even_out() -> None:
    def ratio(tasks: int, measured: bool) -> float:
        sizes = [Size(6, 5, 100)] * tasks
        below = [Size(6, 5, 100, 0.2)] * tasks if measured else ()
        low, high = half_width_range([DROP] * tasks, sizes, 0.95, measured_on=below)
        return high / low

    assert ratio(1, measured=True) > ratio(1, measured=False) > ratio(4, measured=False) > 1


def test_fewer_changes_make_a_width_less_sure() -> None:
    rare = CellVariance(0.0002, 0.0, 0.002, 0.002, 0.02, flows=(0.01, 0.005))
    ends = [half_width_range([one], [Size(24, 5, 100)], 0.95) for one in (rare, DROP)]
    assert ends[0][1] / ends[0][0] > ends[1][1] / ends[1][0]


@pytest.mark.parametrize("size", [Size(1, 1, 40), Size(2, 1, 40), Size(1, 8, 40), Size(3, 2, 2)])
def test_few_prompts_have_a_range_too(size: Size) -> None:
    low, high = half_width_range([DROP], [size], 0.95, measured_on=[size])
    assert 0 < low <= high
