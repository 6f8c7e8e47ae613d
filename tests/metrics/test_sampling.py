"""Variance of sampling apart from that of phrasing: by hand, and on simulated draws."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.sampling import DrawnCells, mean_sampled, sample_level, write_sampled
from harness.results.quantity import Quantity


def cells(score: object, answer: object = None, present: object = None) -> DrawnCells:
    scores = np.array(score, dtype=np.float64)
    answers = scores.astype(np.int64) if answer is None else np.array(answer)
    there = np.ones(scores.shape[:2], dtype=np.bool_) if present is None else np.array(present)
    return DrawnCells(scores, answers, there)


def test_values_by_hand() -> None:
    # Two variants, two examples, two draws each.
    found = sample_level(cells([[[1, 1], [1, 0]], [[0, 0], [1, 1]]]), np.arange(2), 0, 200)
    assert found is not None
    # Within cells: 0, .5, 0, 0.
    assert found.values["sampling_variance"] == pytest.approx(0.5 / 4)
    # Means 1, 0 and .5, 1: squares about the example's mean .5 and .125, on one degree each; of the
    # second example (.5 + 0) / 2 / 2 = .125 is sampling.
    assert found.values["phrasing_variance"] == pytest.approx((0.5 + 0.125 - 0.125) / 2)
    assert found.values["pass_any"] == pytest.approx(3 / 4)
    assert found.values["pass_all"] == pytest.approx(2 / 4)
    assert found.values["agreement_of_draws"] == pytest.approx(3 / 4)
    # First example: never; second: of four pairs of draws two agree.
    assert found.values["agreement_of_variants"] == pytest.approx((0 + 2) / (4 + 4))
    assert (found.repeats, found.cells) == (2, 4)


def test_missing_cells_are_not_read() -> None:
    whole = cells([[[1, 0], [9, 9]], [[0, 0], [1, 1]]], present=[[True, False], [True, True]])
    found = sample_level(whole, np.arange(2), 0, 200)
    assert found is not None
    assert found.values["sampling_variance"] == pytest.approx(0.5 / 3)
    # Only the first example has two variants: .5^2 / 2 less (.5 + 0) / 2 / 2.
    assert found.values["phrasing_variance"] == pytest.approx(0.125 - 0.125)
    assert found.cells == 3


def test_one_draw_per_cell_tells_nothing_of_sampling() -> None:
    found = sample_level(cells([[[1], [0]], [[0], [0]]]), np.arange(2), 0, 200)
    assert found is not None
    written = write_sampled(found, Quantity(0.25, None), 0.95)
    assert written.sampling_variance is None
    assert written.phrasing_variance is None
    assert written.phrasing_share is None
    assert written.agreement_of_draws is None
    assert written.pass_any is not None


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.2])
def test_parts_are_those_that_were_simulated(spread: float) -> None:
    """A right answer has the chance c = .5 + e_i + p_k: phrasing is var(p), sampling c(1 - c)."""
    rng = np.random.default_rng(3)
    phrasing = spread * np.array([-1.0, 1.0] * 10)[:, None]
    chance = 0.5 + phrasing + rng.uniform(-0.2, 0.2, size=(1, 400))
    drawn = rng.random((20, 400, 5)) < chance[:, :, None]
    found = sample_level(cells(drawn), np.arange(20), 0, 400)
    assert found is not None
    written = write_sampled(found, None, 0.95)
    truth = {
        "sampling_variance": float((chance * (1 - chance)).mean()),
        "phrasing_variance": float(phrasing.var(ddof=1)),
    }
    for name, value in truth.items():
        quantity = getattr(written, name)
        assert quantity.value == pytest.approx(value, abs=0.004)
        assert quantity.low - 1e-3 <= value <= quantity.high + 1e-3


def test_tasks_count_the_same() -> None:
    one = sample_level(cells([[[1, 0], [1, 0]]]), np.arange(1), 0, 200)
    other = sample_level(cells([[[1, 1]], [[1, 1]]]), np.arange(2), 0, 200)
    assert one is not None
    assert other is not None
    mean = mean_sampled([one, other])
    assert mean.values["sampling_variance"] == pytest.approx((0.5 + 0) / 2)
    assert mean.values["phrasing_variance"] == 0  # one task has a single variant
    assert mean.cells == 4
