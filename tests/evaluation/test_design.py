"""Balanced incomplete designs: every variant and every example equally often, and nested."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluation.design import Design, share_of

COUNTS = st.integers(1, 130)
SHARES = st.floats(0.02, 1.0)


def cells(share: float, variants: int, examples: int, seed: int = 0) -> np.ndarray:
    names = [str(number) for number in range(variants)]
    return Design(share, seed).cells("topic\x1fword", names, examples)


@given(COUNTS, st.integers(1, 400), SHARES, st.integers(0, 3))
def test_every_example_is_asked_equally_often(
    variants: int, examples: int, share: float, seed: int
) -> None:
    per_example = cells(share, variants, examples, seed).sum(axis=0)
    if share * variants >= 2:
        assert np.abs(per_example - share * variants).max() < 1
        assert per_example.max() - per_example.min() <= 1
    else:  # with two variants or none, so that some meet; an odd one of a square stands alone
        assert per_example.max() <= 2
        squares = -(-examples // variants)
        assert (per_example == 1).sum() <= (squares if variants % 2 else 0) or variants == 1


@given(COUNTS, st.integers(1, 400), SHARES)
def test_every_variant_is_asked_about_equally_often(
    variants: int, examples: int, share: float
) -> None:
    asked = cells(share, variants, examples)
    squares = examples // variants
    whole = asked[:, : squares * variants].sum(axis=1)
    if squares:  # in whole squares only the turns of the fractional variant are uneven
        assert whole.max() - whole.min() <= 3 + squares**0.5
    assert (
        np.abs(asked.sum(axis=1) - share * examples).max() <= 3 + 2 * (examples / variants) ** 0.5
    )


def test_below_two_variants_per_example_half_of_the_examples_have_two() -> None:
    asked = cells(1 / 20, 20, 100)
    assert sorted(asked.sum(axis=0)) == [0] * 50 + [2] * 50
    assert set(asked.sum(axis=1)) == {5}
    # Another level asks other examples.
    names = [str(number) for number in range(20)]
    other = Design(1 / 20).cells("topic\x1fcharacter", names, 100)
    assert 10 < ((other.sum(axis=0) > 0) & (asked.sum(axis=0) > 0)).sum() < 40


@pytest.mark.parametrize("share", [0.02, 0.045, 0.07])
def test_the_cells_are_as_many_as_the_share_says_and_nearly_all_of_them_meet(share: float) -> None:
    asked = cells(share, 20, 105)
    assert asked.sum() == pytest.approx(share * 20 * 105, abs=4)
    assert asked[:, asked.sum(axis=0) == 2].sum() == asked.sum()


@pytest.mark.parametrize(("variants", "examples"), [(20, 100), (6, 96), (18, 180), (5, 25)])
def test_whole_squares_with_a_whole_number_of_variants_are_exact(
    variants: int, examples: int
) -> None:
    size = examples // variants * variants
    for taken in range(1, variants + 1):
        per_variant = cells(taken / variants, variants, size).sum(axis=1)
        assert set(per_variant) == {taken * size // variants}


@given(COUNTS, st.integers(1, 300), SHARES, SHARES, st.integers(0, 200))
def test_designs_are_nested(
    variants: int, examples: int, one: float, other: float, more: int
) -> None:
    small, large = sorted((one, other))
    few = cells(small, variants, examples)
    many = cells(large, variants, examples + more)
    assert (many[:, :examples] >= few).all()


def test_any_two_variants_meet_on_some_example() -> None:
    asked = cells(0.2, 20, 400)
    meetings = [int((asked[a] & asked[b]).sum()) for a, b in itertools.combinations(range(20), 2)]
    # Each example pairs 4 of 20 variants: 400 · 6 / 190 = 12.6 meetings a pair on average.
    assert np.mean(meetings) == pytest.approx(400 * 6 / 190)
    assert min(meetings) >= 1


def test_the_seed_decides_and_nothing_else() -> None:
    assert (cells(0.3, 20, 90) == cells(0.3, 20, 90)).all()
    assert (cells(0.3, 20, 90) != cells(0.3, 20, 90, seed=1)).any()


def test_the_full_share_asks_everything() -> None:
    assert cells(1.0, 7, 40).all()


@pytest.mark.parametrize(
    ("budget", "share"), [(100, 0.0), (50, 0.0), (600, 0.5), (1100, 1.0), (9999, 1.0)]
)
def test_a_budget_pays_for_clean_cells_first(budget: int, share: float) -> None:
    assert share_of(budget, clean=100, perturbed=1000) == pytest.approx(share)
