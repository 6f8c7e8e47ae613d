"""The parts of a variance with holes: by hand, without bias, and as intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest

from harness.evaluation.design import Design
from harness.metrics.influences import of_accuracy, of_drop
from harness.stats.arrays import Floats, prompt_weights
from harness.stats.components import Components, Parts
from harness.stats.holes import variance_parts
from harness.stats.twoway import estimate
from tests.support.incomplete_grids import draw_run


def test_two_instructions_on_other_examples_by_hand() -> None:
    # One is right on both of its examples, the other on none. Cells move the mean by ±1/8; sums of
    # an instruction are ±1/4, with squares 1/8 in all. Of the cells' squares, 1/16, the mean's own
    # moves hide 1/64, so the products are 1/8 - 3/64 = 5/64. An effect shows with 1/4 - 1/8 of the
    # 1/2 with which it stands in the mean's variance, so all is taken four times.
    cells = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, -1.0]]) / 8
    weights = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]) / 4
    between, examples, noise = variance_parts(cells, cells, weights)
    assert between == pytest.approx(5 / 16)
    assert (examples, noise) == (0.0, 0.0)  # within an instruction nothing varied


def test_what_nothing_moves_has_no_variance() -> None:
    weights = np.array([[1.0, 0.0], [0.0, 1.0]]) / 2
    nothing = np.zeros((2, 2))
    assert variance_parts(nothing, nothing, weights) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("asked", [1, 2, 4])
def test_the_luck_of_instructions_is_seen_however_few_meet(asked: int) -> None:
    """With one instruction per example none of it was seen before."""
    rng = np.random.default_rng(asked)
    found = np.array([_normal_parts(6, 120, asked, rng) for _ in range(600)])
    between, examples = found.mean(axis=0)
    # 600 runs know the first to 3 %; the variance of a mean of six effects of .3 is .015.
    assert between == pytest.approx(0.3**2 / 6, rel=0.12)
    assert examples == pytest.approx((0.4**2 + 0.3**2 / asked) / 120, rel=0.06)


def _normal_parts(
    instructions: int, examples: int, asked: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The parts of a run in which every example is asked under so many instructions."""
    order = rng.permuted(np.tile(np.arange(instructions), (examples, 1)), axis=1).T
    present = order < asked
    values = 0.3 * rng.normal(size=(instructions, 1)) + 0.4 * rng.normal(size=examples)
    values = values + 0.3 * rng.normal(size=present.shape)
    weights = prompt_weights(present)
    cells: Floats = weights * (values - (weights * values).sum())
    between, of_examples, _ = variance_parts(cells, cells, weights)
    return between, of_examples


def test_intervals_of_a_perturbation_at_a_small_share_hold_the_truth() -> None:
    """One cell per example at most, instructions that differ: 89 % held before, and less."""
    rng = np.random.default_rng(4)
    runs = [draw_run((4, 1, 200), 0.24, rng, instructions=0.8).asked for _ in range(400)]
    truth = _accuracy_of(np.random.default_rng(5))
    found = [estimate(of_accuracy(one), one.families, kind="share") for one in runs]
    ends = [one.interval() or (9.0, 9.0) for one in found]
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.93


def _accuracy_of(rng: np.random.Generator) -> float:
    """The accuracy of many more instructions than a run has."""
    many = [draw_run((40, 1, 400), 1.0, rng, instructions=0.8).full.score for _ in range(30)]
    return float(np.mean(many))


def test_an_interval_of_few_instructions_is_not_as_wide_as_anything_goes() -> None:
    """Degrees of freedom between one and two made an interval of 3 instructions 50 points wide."""
    rng = np.random.default_rng(6)
    runs = [draw_run((3, 8, 25), 0.2, rng).asked for _ in range(300)]
    drops = [influence for one in runs if (influence := of_drop(one)) is not None]
    found = [estimate(one, runs[0].families, kind="difference") for one in drops]
    ends = np.array([one.interval() for one in found])
    spread = np.std([one.value for one in found])
    assert min(one.df for one in found) >= 2
    assert (ends[:, 1] - ends[:, 0]).mean() < 8 * spread  # with two degrees: 10


@pytest.mark.parametrize(
    ("parts", "clusters", "expected"),
    [
        # Nothing but the clusters' own: theirs.
        ((1.0, 0.0, 0.0), 6, 5.0),
        # A quarter is the clusters' own: 1 / (.5 / 5 + .75^2 / 99).
        ((1.0, 3.0, 0.0), 6, 1 / (0.1 + 0.5625 / 99)),
        # None of it: not the examples' 99, since few clusters may agree by luck.
        ((1e-12, 1.0, 0.0), 6, 35 / 2),
        ((1e-12, 1.0, 0.0), 3, 4.0),
        # Of noise, which both parts have, a 25th counts for six: not enough to be below the cap.
        ((1.0, 1.0, 1.0), 6, 35 / 2),
        # A ninth for four: 1 / ((.25 + .25 / 9)^.5 / 3 + (.75 - .25 / 9)^2 / 99).
        ((1.0, 1.5, 0.5), 4, 1 / ((5 / 18) ** 0.5 / 3 + (13 / 18) ** 2 / 99)),
        # Of one example nothing but the clusters is known.
        ((1.0, 0.0, 0.0), 3, 2.0),
    ],
)
def test_degrees_of_freedom_by_hand(
    parts: tuple[float, float, float], clusters: int, expected: float
) -> None:
    assert Parts(Components(*parts), clusters - 1, 99).df == pytest.approx(expected)


def test_a_level_of_the_default_run_has_pairs() -> None:
    """4 instructions x 5 perturbations at .045: .9 variants per example, and two where any is."""
    asked = Design(0.045, 0).cells("level", [str(n) for n in range(20)], 105)
    assert (asked.sum(axis=0) == 2).sum() >= 45
