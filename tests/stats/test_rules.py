"""Exact tests, corrections, power, ranks and extremes, against published or hand-made numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.estimate import Estimate, Over
from harness.stats.extremes import Extreme, find_extreme, mean_of_extremes
from harness.stats.multiplicity import holm
from harness.stats.paired import count_changes, example_sign_test, sign_test_p
from harness.stats.power import examples_needed, minimum_detectable_effect
from harness.stats.ranks import chance_of_beating, chance_of_best, kendalls_w


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_leaves_unknown_p_values_out() -> None:
    adjusted = holm([math.nan, 0.01, 0.5])
    assert math.isnan(adjusted[0])
    assert adjusted[1:] == pytest.approx([0.02, 0.5])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_monotone_and_no_smaller_than_the_p_value(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    assert [x for _, x in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)


def test_the_sign_test_of_right_and_wrong_answers_is_mcnemars() -> None:
    first = np.array([1.0] * 5 + [0.0] * 15)
    second = np.array([0.0] * 1 + [1.0] * 4 + [1.0] * 8 + [0.0] * 7)
    found = example_sign_test(second - first)
    assert (found.better, found.worse) == (8, 1)
    assert found.p == pytest.approx(2 * (1 + 9) / 2**9)


def test_a_sign_test_without_changes_says_nothing() -> None:
    assert sign_test_p(0, 0) == 1.0
    assert sign_test_p(3, 3) == 1.0
    assert example_sign_test(np.array([0.5, -0.1, 0.0, 0.2])).p == 1.0


def test_changes_in_both_directions() -> None:
    assert count_changes(np.array([0.0, 1, 1, 0]), np.array([1.0, 0, 0, 0])) == (1, 2)


def test_a_score_that_stays_on_its_side_of_a_half_is_no_flip() -> None:
    before, after = np.array([0.1, 0.6, 0.49, 0.5]), np.array([0.4, 1.0, 0.5, 0.49])
    assert count_changes(before, after) == (1, 1)


def test_minimum_detectable_effect_is_the_textbook_multiple() -> None:
    found = Estimate(0.0, 0.01**2, 1e9, 500, "difference", "examples")
    assert minimum_detectable_effect(found) == pytest.approx(0.028016, abs=1e-5)
    unknown = Estimate(0.0, math.nan, 1, 1, "difference", "examples")
    assert minimum_detectable_effect(unknown) is None
    assert (minimum_detectable_effect(Estimate(0.0, 0.0, 9, 50, "difference", "examples")) or 0) > 0


@pytest.mark.parametrize("freedom", [0.01, 0.078, 0.3])
def test_nothing_is_detectable_with_a_tenth_of_a_degree_of_freedom(freedom: float) -> None:
    # scipy's search for the noncentrality has no end there.
    barely = Estimate(0.0, 0.01**2, freedom, 8, "difference", "examples and instructions")
    assert minimum_detectable_effect(barely, tests=4) is None


def test_examples_needed_grow_as_the_square() -> None:
    assert examples_needed(100, 0.04, 0.02) == 400
    assert examples_needed(100, 0.04, 0.05) == 100
    assert examples_needed(100, 0.04, 0.0) is None


def test_no_number_of_examples_makes_up_for_too_few_prompts() -> None:
    # Three quarters of the variance are the prompts': at best it shrinks to sqrt(.75) = .866.
    assert examples_needed(100, 0.04, 0.04 * 0.86, fixed_share=0.75) is None
    assert examples_needed(100, 0.04, 0.04 * 0.9, fixed_share=0.75) == math.ceil(25 / 0.06)
    over: Over = "examples and instructions"
    found = Estimate(0.0, 0.0004, 5, 100, "difference", over, prompt_variance=0.0003)
    assert found.prompt_share == pytest.approx(0.75)


def test_kendalls_w_of_agreeing_and_cancelling_prompts() -> None:
    assert kendalls_w(np.array([[1.0, 2, 3], [4, 5, 6]])) == 1.0
    assert kendalls_w(np.array([[1.0, 2, 3], [3, 2, 1]])) == 0.0
    assert math.isnan(kendalls_w(np.array([[1.0, 2, 3]])))
    assert math.isnan(kendalls_w(np.ones((3, 3))))


def test_kendalls_w_with_ties_is_the_textbook_s() -> None:
    # Siegel & Castellan's layout: W = 12 S / (k^2 (m^3 - m) - k sum T), worked by hand.
    scores = np.array([[1.0, 1, 2], [1, 2, 3]])
    # Rank sums 2.5, 3.5, 6 about 4: S = 2.25 + .25 + 4 = 6.5; T = 2^3 - 2 = 6.
    assert kendalls_w(scores) == pytest.approx(12 * 6.5 / (4 * 24 - 2 * 6))


def test_chances_split_ties() -> None:
    resampled = np.array([[0.5, 0.4], [0.5, 0.5], [0.1, 0.4], [0.9, 0.0]])
    assert chance_of_best(resampled).tolist() == [0.625, 0.375]
    assert chance_of_beating(resampled)[0, 1] == 0.625


def test_the_worst_of_equal_prompts_has_an_interval_that_reaches_the_truth() -> None:
    # All prompts are right with probability .8: an interval around the observed minimum alone
    # would miss that most of the time.
    rng = np.random.default_rng(2)
    held = []
    for _ in range(150):
        score = (rng.random((12, 80)) < 0.8).astype(float)
        drawn = rng.multinomial(80, np.full(80, 1 / 80), size=300)
        found = find_extreme(
            "lowest", score.mean(axis=1), (drawn @ score.T / 80).astype(np.float32), 80
        )
        low, high = found.interval() or (0, 0)
        held.append(low <= 0.8 <= high)
        assert low <= found.value <= high
    assert np.mean(held) >= 0.92


def test_the_mean_of_worst_prompts_is_over_tasks() -> None:
    def task(*means: float) -> Extreme:
        resampled = np.random.default_rng(0).normal(means, 0.02, size=(200, len(means)))
        return find_extreme("lowest", np.array(means), resampled.astype(np.float32), 60)

    both = mean_of_extremes([task(0.8, 0.6), task(0.9, 0.4, 0.7)])
    assert both.value == pytest.approx(0.5)
    low, high = both.interval() or (0, 0)
    assert low < 0.5 < high
