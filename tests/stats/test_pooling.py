"""What several tasks say together of variance that each of them hardly shows."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.grid import Group
from harness.stats.components import Components, Parts, mean_parts
from harness.stats.estimate import Estimate, mean_of
from harness.stats.planning import Cells, measure_parts, pool_parts
from tests.support.incomplete_grids import draw_run


def test_parts_of_tasks_add_up_before_anything_below_nothing_is_cut_off() -> None:
    first = Parts(Components(prompts=1.0, examples=2.0, cells=2.0), prompts=3, examples=99)
    second = Parts(Components(prompts=3.0, examples=2.0, cells=2.0), prompts=3, examples=99)
    # One task has a unit of its own less than nothing, the other a unit more: together none.
    found = mean_parts([first, second])
    assert found.components == Components(prompts=1.0, examples=1.0, cells=1.0)
    assert found.components.total == 1.0  # each for itself: (2 + 3) / 4
    assert found.prompts == pytest.approx(16 / (1 / 3 + 9 / 3))
    assert found.examples == pytest.approx(2 * 99)


def test_a_mean_over_tasks_has_the_variance_of_its_parts() -> None:
    parts = Parts(Components(prompts=1e-4, examples=2e-4, cells=1e-4), prompts=3, examples=99)
    one = Estimate(0.1, 2e-4, parts.df, 100, "difference", "examples and instructions", parts=parts)
    mean = mean_of([one] * 4)
    assert mean.variance == pytest.approx(0.5e-4)
    assert mean.parts is not None
    assert mean.parts.prompts == pytest.approx(12)
    assert mean.df == mean.parts.df


def _drops(group: Group) -> Cells:
    return group.clean_score - group.score, group.matched, group.families


def test_pooled_parts_are_those_of_the_full_grid_where_single_ones_are_not() -> None:
    """The full grid was said to find 8 points where it finds 3 or 4."""
    rng = np.random.default_rng(8)
    drawn = [draw_run((4, 5, 105), 0.045, rng) for _ in range(20)]
    truth = pool_parts([_drops(one.full) for one in drawn])
    pooled = pool_parts([_drops(one.asked) for one in drawn])
    single = [measure_parts(*_drops(one.asked)) for one in drawn]
    apart = float(np.mean([one.instructions + one.examples for one in single]))
    assert apart > 2 * (truth.instructions + truth.examples)
    # Without bias, so as likely below the truth as above: far nearer to it than what is cut off.
    assert pooled.instructions + pooled.examples < 0.6 * apart
    assert abs(pooled.instructions + pooled.examples) < apart


def test_parts_of_one_group_are_the_pooled_ones() -> None:
    cells = _drops(draw_run((4, 5, 60), 0.5, np.random.default_rng(9)).asked)
    one, shown, twice = pool_parts([cells]), measure_parts(*cells), pool_parts([cells, cells])
    assert twice.examples == pytest.approx(one.examples)
    assert shown.examples == max(one.examples, 0.0)
    parts = (one.instructions, one.variants, one.examples, one.meetings, one.cells)
    whole = (shown.instructions, shown.variants, shown.examples, shown.meetings, shown.cells)
    assert sum(parts) == pytest.approx(sum(whole))
