"""Tolerance limits against Wilks' published sample sizes."""

from __future__ import annotations

import numpy as np
import pytest

from harness.stats.tolerance import Order, order_for


@pytest.mark.parametrize(("draws", "rank"), [(29, 1), (46, 2), (61, 3)])
def test_published_sample_sizes(draws: int, rank: int) -> None:
    # 90 % of the population with 95 % confidence, one-sided: 29, 46, 61 draws (Wilks; NIST 7.2.6).
    assert order_for(draws, 0.95) == Order(0.9, rank)
    fewer = order_for(draws - 1, 0.95)
    assert fewer is None or fewer.content < 0.9 or fewer.rank < rank


def test_fewer_draws_speak_of_a_smaller_share() -> None:
    found = order_for(10, 0.95)
    assert found is not None
    assert found.rank == 1
    assert 1 - found.content**10 == pytest.approx(0.95)
    assert order_for(4, 0.95) is None


def test_the_statement_holds_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).random((4000, 46))
    lowest = np.sort(draws, axis=1)[:, 1]
    assert np.mean(lowest <= 0.1) >= 0.945
