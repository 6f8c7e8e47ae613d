"""Confidence sequences hold at every look, close on finite sets, and do not grow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.stats.sequences import ConfidenceSequence


def _ever_misses(
    values: np.ndarray, truth: float, population: int | None, target: float | None = None
) -> bool:
    """Whether any interval on the way leaves the truth out: the last is within all of them."""
    sequence = ConfidenceSequence(population=population, target=target)
    low, high = sequence.update(values)
    return not low - 1e-12 <= truth <= high + 1e-12


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_independent_draws_are_covered_at_all_times(share: float) -> None:
    rng = np.random.default_rng(3)
    missed = [
        _ever_misses(rng.binomial(8, share, size=250) / 8, share, None, target)
        for _ in range(50)
        for target in (None, 0.04)
    ]
    assert np.mean(missed) <= 0.05  # of 100; it is far below, since the bound is not attained


def test_a_finite_set_is_covered_at_all_times() -> None:
    rng = np.random.default_rng(4)
    missed = []
    for run in range(160):
        values = rng.binomial(4, rng.beta(3, 1, size=150)) / 4
        drawn = rng.permutation(values)[:120]
        target = 0.05 if run % 2 else None
        missed.append(_ever_misses(drawn, float(values.mean()), 150, target))
    assert np.mean(missed) <= 0.05


def test_the_interval_closes_on_the_mean_of_a_set_that_runs_out() -> None:
    values = np.random.default_rng(0).binomial(6, 0.7, size=200) / 6
    sequence = ConfidenceSequence(population=200)
    low, high = sequence.update(values)
    assert low == pytest.approx(values.mean())
    assert high == pytest.approx(values.mean())
    assert sequence.half_width == pytest.approx(0, abs=1e-9)


def test_a_finite_set_is_known_sooner() -> None:
    values = np.random.default_rng(1).random(300) < 0.8
    finite, endless = ConfidenceSequence(population=300), ConfidenceSequence()
    finite.update(values[:200])
    endless.update(values[:200])
    assert finite.half_width < 0.8 * endless.half_width


def test_it_is_nearly_as_narrow_as_an_interval_for_one_look() -> None:
    values = np.random.default_rng(1).random(2000) < 0.5
    sequence = ConfidenceSequence()
    sequence.update(values)
    one_look = 1.96 * math.sqrt(0.25 / 2000)
    assert sequence.half_width < 3 * one_look


def test_a_target_is_reached_sooner_when_it_is_named() -> None:
    values = np.random.default_rng(1).random(4000) < 0.5
    sizes = []
    for target in (None, 0.03):
        sequence = ConfidenceSequence(target=target)
        while sequence.half_width > 0.03 and sequence.count < len(values):
            sequence.update(values[sequence.count : sequence.count + 50])
        sizes.append(sequence.count)
    one_look = 0.25 * (1.96 / 0.03) ** 2
    assert sizes[1] < 0.6 * sizes[0]
    assert sizes[1] < 2.2 * one_look


def test_less_spread_makes_it_narrower() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for prompts in (1, 20):
        sequence = ConfidenceSequence()
        sequence.update(rng.binomial(prompts, 0.5, size=300) / prompts)
        widths.append(sequence.half_width)
    assert widths[1] < 0.5 * widths[0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 60), st.booleans())
def test_parts_give_what_the_whole_gives(values: list[float], cut: int, finite: bool) -> None:
    population = len(values) + 5 if finite else None
    whole, parts = (ConfidenceSequence(population=population) for _ in range(2))
    whole.update(values)
    before = parts.update(values[:cut])
    after = parts.update(values[cut:])
    assert before[0] <= after[0] <= after[1] <= before[1]
    assert after == pytest.approx(whole.interval)
    assert parts.count == len(values)
    assert parts.mean == pytest.approx(np.mean(values))


def test_nothing_seen_is_nothing_known() -> None:
    sequence = ConfidenceSequence(population=10)
    assert sequence.update([]) == (0.0, 1.0)
    assert math.isnan(sequence.mean)


def test_all_right_answers_leave_room_below() -> None:
    sequence = ConfidenceSequence()
    low, high = sequence.update(np.ones(100))
    assert 0.85 < low < 0.98
    assert high == 1.0


@pytest.mark.parametrize("values", [[0.5, 1.5], [-0.1], [math.nan]])
def test_values_outside_the_unit_interval_are_refused(values: list[float]) -> None:
    with pytest.raises(UsageError, match="lie in"):
        ConfidenceSequence().update(values)


def test_more_values_than_the_set_holds_are_refused() -> None:
    with pytest.raises(UsageError, match="3 observations of a set of 2"):
        ConfidenceSequence(population=2).update([0.0, 1.0, 1.0])
