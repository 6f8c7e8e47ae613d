"""What is a change from one run to the next, by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.history.changes import Observation, adjust, measure_steps
from harness.results.quantity import Quantity


def paired(*tasks: Sequence[float]) -> Observation:
    means = tuple(np.array(task, dtype=np.float32) for task in tasks)
    value = float(np.mean([task.mean() for task in means]))
    return Observation(Quantity(value, None), cells=b"asked", by_task=means)


def test_runs_of_the_same_cells_are_paired_by_example() -> None:
    first, second = paired([1, 1, 0, 0.5]), paired([0.5, 1, 0, 0])
    (step,) = measure_steps([first, second])
    # Differences -.5, 0, 0, -.5: mean -.25, s2 1/12, se sqrt(1/48), t quantile 3.1824 of 3 df.
    assert step.paired
    assert step.difference.value == -0.25
    half = 3.182446 * math.sqrt(1 / 48)
    assert step.difference.interval == pytest.approx((-0.25 - half, -0.25 + half), abs=1e-5)
    # Student's p would be 0.182; two examples that agree are p 0.5 by the sign test.
    assert step.p == pytest.approx(0.5)


def test_student_s_p_value_counts_where_it_is_the_larger_one() -> None:
    first = paired([0.0] * 12)
    second = paired([0.1] * 11 + [-0.9])
    (step,) = measure_steps([first, second])
    # Eleven up and one down: 0.0063 by the sign test; mean 0.0167, se 0.0833, t 0.2 of 11 df.
    assert step.p == pytest.approx(0.8451, abs=1e-3)


def test_a_change_whose_interval_holds_0_is_none_however_many_signs_agree() -> None:
    # Ten examples gain a tenth each: .002 by the signs, and 3.84 / 13.84 could have gone unseen.
    (step,) = measure_steps([paired([0.0] * 10), paired([0.1] * 10)])
    assert step.difference.interval == pytest.approx((0.1 - 0.27754, 0.1 + 0.27754), abs=1e-4)
    # z^2 / (10 + z^2) is .1 at z^2 = 10 / 9.
    assert step.p == pytest.approx(0.2918, abs=1e-3)


def test_of_several_tasks_the_difference_is_their_plain_mean() -> None:
    first, second = paired([1, 1, 1, 1], [0, 0]), paired([0, 1, 1, 1], [0, 1])
    (step,) = measure_steps([first, second])
    # -.25 and +.5; variances .25 / 4 and .5 / 2, a quarter of their sum.
    assert step.difference.value == pytest.approx(0.125)
    variance = (0.25 / 4 + 0.5 / 2) / 4
    df = variance**2 / ((0.25 / 16) ** 2 / 3 + (0.5 / 8) ** 2 / 1)
    assert df == pytest.approx(1.5306, abs=1e-3)
    interval = step.difference.interval
    assert interval is not None
    assert interval[1] - 0.125 == pytest.approx(0.875)  # cut at 1
    assert step.p == pytest.approx(1.0)  # one up, one down


def test_runs_of_other_cells_are_compared_by_their_intervals() -> None:
    first = Observation(Quantity(0.8, (0.7, 0.87)))
    second = Observation(Quantity(0.6, (0.5, 0.7)))
    (step,) = measure_steps([first, second])
    assert not step.paired
    below, above = math.hypot(0.1, 0.07), math.hypot(0.1, 0.1)
    assert step.difference.interval == pytest.approx((-0.2 - below, -0.2 + above))
    assert step.p == pytest.approx(math.erfc(1.959964 * 0.2 / above / math.sqrt(2)), rel=1e-4)


def test_an_interval_of_another_confidence_is_brought_to_the_one_in_use() -> None:
    wide = Observation(Quantity(0.5, (0.5 - 0.1 * 2.575829 / 1.959964,) * 2), confidence=0.99)
    narrow = Observation(Quantity(0.5, (0.4, 0.4)))
    (step,), (same,) = (measure_steps([narrow, one]) for one in (wide, narrow))
    assert step.difference.interval == pytest.approx(same.difference.interval)


def test_a_run_without_an_interval_is_no_test() -> None:
    unknown, known = Observation(Quantity(0.8, None)), Observation(Quantity(0.5, (0.4, 0.6)))
    (step,) = measure_steps([unknown, known])
    assert step.difference.value == pytest.approx(-0.3)
    assert step.difference.interval is None
    assert step.p is None
    (one,) = adjust([step])
    assert one.p_adjusted is None
    assert not one.significant


def test_the_same_answers_are_no_change_and_say_what_may_have_gone_unseen() -> None:
    (step,) = measure_steps([paired([1, 0] * 20), paired([1, 0] * 20)])
    assert step.p == 1
    # Wilson's interval of 0 of 40: z2 / (40 + z2).
    assert step.difference.interval == pytest.approx((-0.08763, 0.08763), abs=1e-4)


def test_one_example_decides_nothing() -> None:
    (step,) = measure_steps([paired([1]), paired([0])])
    assert step.difference == Quantity(-1, None)
    assert step.p is None


def test_all_changes_are_one_family() -> None:
    level = [paired([0] * 20), paired([1] * 9 + [0] * 11)]  # sign test 2 / 2^9
    (step,) = measure_steps(level)
    assert adjust([step])[0].significant
    many = adjust([step, *[measure_steps([level[0], level[0]])[0]] * 12])
    assert many[0].p_adjusted == pytest.approx(13 * step.p if step.p else 0)
    assert not many[0].significant


@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=6, max_size=6)))
def test_runs_read_one_by_one_and_together_change_the_same(rows: list[list[float]]) -> None:
    runs = [paired(row[:4], row[4:]) for row in rows]
    together = measure_steps(runs)
    alone = [measure_steps(runs[at : at + 2])[0] for at in range(len(runs) - 1)]
    assert list(together) == alone


def test_a_margin_asks_the_whole_interval_to_lie_beyond_it() -> None:
    (step,) = measure_steps([paired([0] * 100), paired([0.25] * 60 + [0] * 40)])
    interval = step.difference.interval
    assert interval is not None
    assert interval == pytest.approx((0.1256, 0.1744), abs=1e-3)
    verdicts = [adjust([step], margin)[0].significant for margin in (0, 0.12, 0.13)]
    assert verdicts == [True, True, False]
    (fallen,) = measure_steps([paired([0.25] * 60 + [0] * 40), paired([0] * 100)])
    assert [adjust([fallen], margin)[0].significant for margin in (0.12, 0.13)] == [True, False]
