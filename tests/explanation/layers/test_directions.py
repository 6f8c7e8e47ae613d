"""Leading directions of feed-forward networks: turned by an angle that is known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.explanation.layers.directions import (
    largest_angle,
    leading_directions,
    nearest_tokens,
    rotation,
)


def rotated(degrees: float) -> np.ndarray:
    """Turns the plane of the first two of four axes."""
    turn = np.eye(4)
    angle = np.radians(degrees)
    turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return turn


@pytest.fixture
def rows() -> np.ndarray:
    """Forty rows with a mean of their own, spread most along the first axis."""
    drawn = np.random.default_rng(0).normal(size=(40, 4))
    centred = drawn - drawn.mean(axis=0)
    whitened = np.linalg.svd(centred, full_matrices=False)[0]
    spread: np.ndarray = whitened * np.array([8.0, 4.0, 2.0, 1.0]) + 5.0
    return spread


def test_directions_are_the_axes_by_their_spread(rows: np.ndarray) -> None:
    found = leading_directions(rows, 3)
    assert np.abs(found) == pytest.approx(np.eye(4)[:3], abs=1e-9)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 60.0, 90.0, 120.0, 180.0])
def test_a_known_angle_is_found(rows: np.ndarray, degrees: float) -> None:
    before, after = leading_directions(rows, 1), leading_directions(rows @ rotated(degrees), 1)
    expected = abs(np.cos(np.radians(degrees)))
    assert rotation(before[0], after[0]) == pytest.approx(1 - expected, abs=1e-9)
    acute = np.degrees(np.arccos(min(1.0, expected)))
    assert largest_angle(before, after) == pytest.approx(acute, abs=1e-5)


def test_a_space_stays_where_its_directions_turn_within_it(rows: np.ndarray) -> None:
    before, after = (leading_directions(one, 2) for one in (rows, rows @ rotated(40.0)))
    assert rotation(before[0], after[0]) == pytest.approx(1 - np.cos(np.radians(40.0)))
    assert largest_angle(before, after) == pytest.approx(0.0, abs=1e-5)


def test_the_nearest_tokens_are_those_of_the_nearer_side() -> None:
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [-0.6, 0.8], [0.0, -1.0]])
    assert nearest_tokens(np.array([-1.0, 0.0]), vectors, 2).tolist() == [0, 1]
    assert nearest_tokens(np.array([1.0, 0.0]), vectors, 2).tolist() == [0, 1]
    assert sorted(nearest_tokens(np.array([0.0, 1.0]), vectors, 9).tolist()) == [0, 1, 2, 3]
