"""The formula: importance of words, density, shares, the instruction score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.explanation.density import density, instruction_score, shares, word_importance


def test_a_density_by_hand() -> None:
    importance = np.array([[0.8, 0.1], [0.5, 0.09], [0.61, -0.3], [0.0, 0.0]])
    # Steps: 10 0.8/0.8 = 9.99… -> 10, 6.25 -> 7 -> 0, 7.6 -> 8, 0; then 10, 9, 0, 0.
    # Rows (10, 10), (0, 9), (8, 0), (0, 0): lengths of order 4 are 10 2^(1/4), 9, 8.
    expected = np.array([20 / (10 * 2**0.25), 1.0, 1.0, 0.0])
    assert density(importance) == pytest.approx(expected / expected.max(), abs=1e-9)


def test_an_answer_of_one_token_has_dense_words_and_others() -> None:
    found = density(np.array([[1.0], [0.71], [0.7], [-5.0]]))
    assert found == pytest.approx([1.0, 1.0, 0.0, 0.0])


def test_a_saturated_answer_hangs_on_no_word() -> None:
    assert density(np.array([[1e-12, 0.0], [0.0, 1e-12]])).tolist() == [0.0, 0.0]


@given(arrays(np.float64, (5, 3), elements=st.floats(-1e3, 1e3)))
def test_densities_and_shares_are_shares(importance: np.ndarray) -> None:
    dense, share = density(importance), shares(importance)
    assert ((dense >= 0) & (dense <= 1)).all()
    assert (share >= 0).all()
    assert share.sum() <= 1 + 1e-9
    assert (dense[(importance <= 0).all(axis=1)] == 0).all()


def test_an_answer_or_a_prompt_without_tokens_has_nothing() -> None:
    assert density(np.zeros((2, 0))).tolist() == shares(np.zeros((2, 0))).tolist() == [0.0, 0.0]
    assert density(np.zeros((0, 2))).tolist() == shares(np.zeros((0, 2))).tolist() == []


def test_a_word_is_the_sum_of_its_tokens() -> None:
    tokens = np.array([[1.0, 2.0], [-3.0, 0.5], [4.0, 4.0]])
    assert word_importance(tokens, np.array([1, 0, 1]), 3).tolist() == [[-3, 0.5], [5, 6], [0, 0]]


def test_the_instruction_score_does_not_grow_with_words_that_do_nothing() -> None:
    assert instruction_score(np.array([1.0, 1.0])) == pytest.approx(2 / 2)
    assert instruction_score(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(2 / np.log2(6))
    assert instruction_score(np.array([])) == 0
