"""Every metric on cells small enough to work out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.metrics import accuracy, drop, flips, likelihood, pairs
from tests.support import plain_metrics as plain

# Three prompts on four examples: accuracies 1/2, 3/4 and 1/4.
SCORE = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]], dtype=float)
ALL = np.ones((3, 4), dtype=bool)
# The clean prompt of all three is right on three of four examples.
CLEAN = np.array([[1, 1, 1, 0]] * 3, dtype=float)
ANSWER = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=np.int16)
HOLE = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]], dtype=bool)


def test_accuracy_gives_every_prompt_the_same_weight() -> None:
    assert accuracy.prompt_accuracies(SCORE, ALL).tolist() == [0.5, 0.75, 0.25]
    assert accuracy.accuracy(SCORE, ALL) == 0.5
    # Prompt 2 keeps its two right cells only: (1/2 + 1 + 1/4) / 3.
    assert accuracy.accuracy(SCORE, HOLE) == pytest.approx(1.75 / 3)


def test_standard_deviation_over_prompts_has_ddof_0() -> None:
    assert accuracy.accuracy_std(SCORE, ALL) == pytest.approx(math.sqrt(2 * 0.25**2 / 3))


def test_quantiles_interpolate_between_prompts() -> None:
    assert accuracy.accuracy_quantiles(SCORE, ALL) == pytest.approx(
        [0.275, 0.375, 0.5, 0.625, 0.725]
    )


def test_spread_and_extremes() -> None:
    assert plain.spread(SCORE, ALL) == 0.5
    assert accuracy.worst_prompt(SCORE, ALL) == (2, 0.25)
    assert plain.worst_case_accuracy(SCORE, ALL) == 0.25
    assert plain.best_case_accuracy(SCORE, ALL) == 0.75


def test_extremes_by_example_skip_missing_cells() -> None:
    score = np.array([[0, 1.0], [1, 1]])
    present = np.array([[False, True], [True, True]])
    assert plain.worst_case_accuracy(score, present) == 1.0
    assert plain.best_case_accuracy(score, present) == 1.0


def test_null_spread_is_what_permuted_labels_give() -> None:
    rng = np.random.default_rng(7)
    score = (rng.random((8, 200)) < rng.random(200)).astype(float)
    everywhere = np.ones(score.shape, dtype=bool)
    permuted = [plain.spread(rng.permuted(score, axis=0), everywhere) for _ in range(400)]
    expected = accuracy.null_spread(score, everywhere)
    assert expected == pytest.approx(np.mean(permuted), rel=0.04)
    assert accuracy.null_spread(score[:1], everywhere[:1]) == 0.0


def test_spread_p_is_cochrans_q_by_hand() -> None:
    # Three prompts, six examples: column sums 6, 3, 0 and row sums 1, 1, 1, 2, 2, 2.
    score = np.array([[1.0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]])
    q = 2 * (3 * (6**2 + 3**2) - 9**2) / (3 * 9 - (3 * 1 + 3 * 2**2))
    assert q == 9.0
    found = accuracy.spread_p(score, np.ones(score.shape, dtype=bool))
    assert found == pytest.approx(np.exp(-q / 2))  # chi-square with two degrees of freedom


def test_spread_p_of_what_cannot_be_told_apart() -> None:
    same = np.array([[1.0, 0, 1], [1, 0, 1]])
    everywhere = np.ones(same.shape, dtype=bool)
    assert accuracy.spread_p(same, everywhere) == 1.0
    assert np.isnan(accuracy.spread_p(same[:1], everywhere[:1]))
    # Only the first example is shared, and there both are right.
    part = np.array([[True, True, False], [True, False, True]])
    assert accuracy.spread_p(np.array([[1.0, 1, 0], [1, 0, 0]]), part) == 1.0


@pytest.mark.parametrize(("prompts", "examples"), [(6, 50), (18, 100)])
def test_spread_p_finds_nothing_in_equal_prompts_as_often_as_it_says(
    prompts: int, examples: int
) -> None:
    rng = np.random.default_rng(3)
    everywhere = np.ones((prompts, examples), dtype=bool)
    found = []
    for _ in range(1000):
        score = (rng.random((prompts, examples)) < rng.random(examples)).astype(float)
        found.append(accuracy.spread_p(score, everywhere))
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.02)


def test_spread_p_of_several_tasks_is_fishers() -> None:
    both = accuracy.combined_spread_p([0.1, 0.02])
    product = 0.1 * 0.02
    assert both == pytest.approx(product * (1 - np.log(product)))  # chi-square with four
    assert accuracy.combined_spread_p([0.1, float("nan")]) == pytest.approx(0.1)
    assert accuracy.combined_spread_p([0.0, 0.5]) < 1e-100


@pytest.mark.parametrize(("count", "range_"), [(2, 1.12838), (5, 2.32593), (10, 3.07751)])
def test_expected_normal_range_is_tippetts(count: int, range_: float) -> None:
    assert accuracy.expected_normal_range(count) == pytest.approx(range_, abs=1e-5)


def test_saturation_and_combined_score() -> None:
    assert accuracy.saturation(SCORE, ALL) == 0.75
    assert accuracy.combined_performance_score(SCORE, ALL) == 0.75 * 0.75


def test_unparsed_answers_are_counted_apart() -> None:
    answer = np.array([[0, -1, 1, 0], [-1, -1, -1, -1]], dtype=np.int16)
    score = np.array([[1, 0, 0, 1], [0, 0, 0, 0]], dtype=float)
    present = np.ones((2, 4), dtype=bool)
    assert plain.unparsed_rate(answer, present) == 0.625
    assert plain.accuracy_parsed(score, answer, present) == pytest.approx(2 / 3)
    assert math.isnan(plain.accuracy_parsed(score[1:], answer[1:], present[1:]))


def test_drop_is_in_points_against_the_same_examples() -> None:
    assert plain.drop(SCORE, CLEAN, ALL) == pytest.approx(0.25)
    # Matched cells only: (3/4 - 1/2, 2/2 - 2/2, 3/4 - 1/4) / 3.
    assert plain.drop(SCORE, CLEAN, HOLE) == pytest.approx(0.25)
    only_last = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    assert plain.drop(SCORE, CLEAN, only_last) == pytest.approx(0.5)


def test_performance_drop_rates() -> None:
    assert plain.performance_drop_rates(SCORE, CLEAN, ALL) == pytest.approx([1 / 3, 0, 2 / 3])
    assert plain.average_performance_drop_rate(SCORE, CLEAN, ALL) == pytest.approx(1 / 3)
    adjusted = drop.chance_adjusted_drop_rates(SCORE, CLEAN, ALL, chance=0.5)
    assert adjusted == pytest.approx([1, 0, 2])


def test_a_drop_rate_of_nothing_is_undefined() -> None:
    nothing = np.zeros_like(CLEAN)
    assert np.isnan(plain.performance_drop_rates(SCORE, nothing, ALL)).all()
    assert math.isnan(plain.average_performance_drop_rate(SCORE, nothing, ALL))
    assert np.isnan(drop.chance_adjusted_drop_rates(SCORE, CLEAN, ALL, chance=0.75)).all()


def test_consistency_counts_agreeing_pairs() -> None:
    # Examples 1 and 4: 3 of 3 pairs agree; 2 and 3: 1 of 3.
    assert plain.consistency(ANSWER, ALL, 2) == pytest.approx((1 + 1 / 3 + 1 / 3 + 1) / 4)
    assert math.isnan(plain.consistency(ANSWER[:1], ALL[:1], 2))


def test_two_unparsed_answers_agree_and_differ_from_any_label() -> None:
    answer = np.array([[-1, -1], [-1, 0]], dtype=np.int16)
    assert plain.consistency(answer, np.ones((2, 2), dtype=bool), 1) == 0.5


def test_kappa_of_fleiss_own_table() -> None:
    # Fleiss (1971) as reprinted widely: 10 subjects, 14 raters, 5 categories, kappa 0.210.
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    answer = np.array([np.repeat(range(5), row) for row in table], dtype=np.int16).T
    kappa = plain.fleiss_kappa(answer, np.ones(answer.shape, dtype=bool), 5)
    assert kappa == pytest.approx(0.20993, abs=1e-5)


def test_kappa_is_undefined_where_all_answers_are_one() -> None:
    assert math.isnan(plain.fleiss_kappa(np.zeros((3, 4), dtype=np.int16), ALL, 2))


def test_correct_and_consistent_needs_every_prompt() -> None:
    assert plain.correct_and_consistent(SCORE, ALL) == 0.25


def test_instance_sensitivity() -> None:
    # Examples 2 and 3 have two of three pairs apart, examples 1 and 4 none.
    assert plain.instance_sensitivity(SCORE, ALL) == pytest.approx(1 / 3)


def test_flips_have_a_direction() -> None:
    clean_answer = np.array([[0, 1, 0, 1]] * 3, dtype=np.int16)
    found = flips.count_flips(SCORE, ANSWER, CLEAN, clean_answer, ALL)
    assert found.rate == pytest.approx((2 + 1 + 3) / 12)
    assert (found.right_to_wrong, found.wrong_to_right, found.net) == (3, 0, 3)


def test_posix_of_two_prompts_by_hand() -> None:
    # One example, two prompts, two answers. y_1 = a (1 token), y_2 = b (2 tokens).
    scores = np.log(np.array([[[0.8, 0.2]], [[0.4, 0.6]]], dtype=np.float32))
    answer = np.array([[0], [1]], dtype=np.int16)
    expected = (abs(math.log(0.4 / 0.8)) / 1 + abs(math.log(0.2 / 0.6)) / 2) / 2
    assert plain.posix(scores, answer, [1, 2]) == pytest.approx(expected, rel=1e-6)


def test_posix_is_zero_where_no_prompt_moves_the_odds() -> None:
    scores = np.tile(np.log(np.array([0.7, 0.3], dtype=np.float32)), (4, 5, 1))
    assert plain.posix(scores, np.zeros((4, 5), dtype=np.int16), [1, 1]) == 0.0


def test_answer_distribution_of_sure_and_unsure_examples() -> None:
    sure = [[0.0, -60.0], [0.0, -60.0]]
    torn = [[0.0, -60.0], [-60.0, 0.0]]
    scores = np.array([sure, torn], dtype=np.float32).transpose(1, 0, 2)  # [K, N, C]
    shares = likelihood.answer_distributions(scores)
    assert shares == pytest.approx(np.array([[1, 0], [0.5, 0.5]]))
    assert plain.answer_entropy(shares) == pytest.approx(0.5)
    assert likelihood.answer_consistency(shares, np.array([0, 0])) == pytest.approx(0.5)
    assert math.isnan(likelihood.answer_consistency(shares, np.array([0, 1])))


def test_unscored_cells_leave_likelihoods_undefined() -> None:
    scores = np.full((2, 3, 2), np.nan, dtype=np.float32)
    assert math.isnan(plain.answer_entropy(likelihood.answer_distributions(scores)))
    assert math.isnan(plain.posix(scores, np.zeros((2, 3), dtype=np.int16), [1, 1]))


cells = hnp.arrays(
    np.int16,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.integers(-1, 2),
)


@settings(max_examples=60, deadline=None)
@given(cells, st.integers(0, 99))
def test_pairwise_averages_equal_loops_over_pairs(values: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    present = rng.random(values.shape) < 0.8
    shares, distances = [], []
    for column in range(values.shape[1]):
        rows = np.flatnonzero(present[:, column])
        couples = list(itertools.combinations(rows, 2))
        if couples:
            shares.append(np.mean([values[j, column] == values[k, column] for j, k in couples]))
            distances.append(
                np.mean([abs(float(values[j, column]) - values[k, column]) for j, k in couples])
            )
    found = plain.consistency(values, present, 3)
    sensitivity = plain.instance_sensitivity(values.astype(float), present)
    assert found == pytest.approx(np.mean(shares) if shares else math.nan, nan_ok=True)
    assert sensitivity == pytest.approx(np.mean(distances) if distances else math.nan, nan_ok=True)
    to_others = pairs.mean_distance_to_others(values.astype(float), present)
    compared = present & (present.sum(axis=0) > 1)
    used = compared.any(axis=0)
    if used.any():
        by_example = to_others.sum(axis=0)[used] / compared.sum(axis=0)[used]
        assert by_example.mean() == pytest.approx(sensitivity)


@settings(max_examples=40, deadline=None)
@given(cells)
def test_metrics_do_not_depend_on_the_order_of_prompts_or_examples(values: np.ndarray) -> None:
    score = (values == 0).astype(float)
    everywhere = np.ones(score.shape, dtype=bool)
    turned = values[::-1, ::-1]
    assert plain.consistency(values, everywhere, 3) == pytest.approx(
        plain.consistency(turned, everywhere, 3), nan_ok=True
    )
    assert plain.spread(score, everywhere) == pytest.approx(
        plain.spread(score[::-1, ::-1], everywhere)
    )
