"""From minutes to steps and cells, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.hardening.budget import Rates, Work, fit_work

RATES = Rates(step_seconds=2.0, cell_seconds=0.1, start_seconds=10.0)
PLANNED = Work(trainings=2, evaluations=3, steps=48, cells=2000)


def test_the_seconds_of_a_work_are_counted_by_hand() -> None:
    # 2 x 48 x 2 s of steps, 3 x 2000 x 0.1 s of cells, 5 starts of 10 s.
    assert PLANNED.seconds(RATES) == 192 + 600 + 50


def test_with_time_enough_nothing_is_cut() -> None:
    assert fit_work(PLANNED, 842.1, RATES) == PLANNED


def test_what_trainings_do_not_need_goes_to_evaluations() -> None:
    # 550 s but 50 for starts: 192 s of steps are below 60 % of 500, so cells have 308 s.
    assert fit_work(PLANNED, 550, RATES) == Work(2, 3, steps=48, cells=1026)


def test_what_evaluations_do_not_need_goes_to_trainings() -> None:
    few = Work(2, 3, steps=1000, cells=100)
    # 30 s of cells; the other 470 s are 117 steps of both trainings.
    assert fit_work(few, 550, RATES) == Work(2, 3, steps=117, cells=100)


def test_too_little_time_says_how_much_would_do() -> None:
    said = r"10\.0 minutes are too few.*; 11\.0 minutes went into measuring"
    with pytest.raises(UsageError, match=said):
        fit_work(PLANNED, 600, RATES, spent=660)  # more than all: no number is below 0
    with pytest.raises(UsageError, match=r"1\.0 minutes are too few.*a step takes 2\.0 s") as error:
        fit_work(PLANNED, 60, RATES)
    hint = str(error.value.hint)
    minutes = int(hint.split("--minutes ")[1].split(",", maxsplit=1)[0])
    assert fit_work(PLANNED, 60 * minutes, RATES).steps >= 1
    with pytest.raises(UsageError, match="1 training of one step") as alone:
        fit_work(Work(trainings=1, evaluations=2, steps=48, cells=2000), 30, RATES)
    assert "or --no-control" in hint
    assert "--no-control" not in str(alone.value.hint)


@given(
    st.floats(0.01, 30), st.floats(0.001, 2), st.floats(0, 60), st.floats(1, 5000),
    st.integers(1, 2), st.integers(2, 6),
)  # fmt: skip
def test_what_fits_takes_no_longer_than_there_is(
    step: float, cell: float, start: float, seconds: float, trainings: int, evaluations: int
) -> None:
    rates, planned = Rates(step, cell, start), Work(trainings, evaluations, 48, 2000)
    try:
        fitted = fit_work(planned, seconds, rates)
    except UsageError:
        return
    assert fitted.seconds(rates) <= seconds * 1.0001
    assert 1 <= fitted.steps <= 48
    assert 60 <= fitted.cells <= 2000
