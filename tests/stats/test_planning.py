"""What a planner predicts, against formulas by hand and against the estimator on simulated runs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import chdtr

from harness.evaluation.design import Design
from harness.stats.arrays import family_weights
from harness.stats.estimate import Estimate, mean_of
from harness.stats.planning import (
    Limits,
    Question,
    make_design,
    measure_parts,
    plan_design,
    pool_parts,
)
from harness.stats.prediction import CellVariance, Size, half_width, predict
from harness.stats.twoway import estimate, influence_of_change, influence_of_mean
from harness.stats.typical import typical_drops

PARTS = CellVariance(0.01, 0.02, 0.1, 0.04, 0.06, mean=0.1, flows=(0.15, 0.05))


def test_a_full_grid_has_the_variance_of_the_formula() -> None:
    expected = float(chdtr(4, 4))  # where chi-square of 4 degrees of freedom has its mean
    found = predict(PARTS, Size(5, 4, 50), expected)
    by_hand = 0.01 / 5 + 0.02 / 20 + 0.1 / 50 + 0.04 / 250 + 0.06 / 1000
    assert found.variance == pytest.approx(by_hand)
    half = predict(PARTS, Size(5, 4, 50, 0.5), expected)
    by_hand += 0.04 / 250 * ((1 + 9 * 3 / 19) / 2 - 1) + 0.06 / 1000
    assert half.variance == pytest.approx(by_hand)
    assert predict(PARTS, Size(5, 4, 50)).variance < by_hand  # most runs find less of their luck


def test_parts_are_measured_without_bias_with_holes() -> None:
    rng = np.random.default_rng(3)
    truth, found = np.array([0.3, 0.2, 1.0, 0.4, 0.6]), []
    families = np.repeat(np.arange(5), 4)
    for draw in range(200):
        present = Design(0.3, draw).cells("x", [str(n) for n in range(20)], 30)
        cells = sum(
            math.sqrt(part) * effect
            for part, effect in zip(
                truth,
                (
                    rng.normal(size=(5, 1))[families],
                    rng.normal(size=(20, 1)),
                    rng.normal(size=(1, 30)),
                    rng.normal(size=(5, 30))[families],
                    rng.normal(size=(20, 30)),
                ),
                strict=True,
            )
        )
        one = measure_parts(np.asarray(cells), present, families)
        found.append([one.instructions, one.variants, one.examples, one.meetings, one.cells])
    # Parts below 0 are cut, which adds a little to small ones.
    assert np.mean(found, axis=0) == pytest.approx(truth, rel=0.12)


def test_parts_to_plan_with_are_as_often_below_0_as_above_where_there_is_nothing() -> None:
    """Of cells that have nothing in common, a fifth of them asked: cut off, parts would add up."""
    rng = np.random.default_rng(5)
    families = np.repeat(np.arange(4), 5)
    found: list[list[float]] = []
    shown: list[list[float]] = []
    for draw in range(300):
        present = Design(0.2, draw).cells("x", [str(n) for n in range(20)], 25)
        values = rng.normal(size=present.shape)
        for to, one in (
            (found, pool_parts([(values, present, families)])),
            (shown, measure_parts(values, present, families)),
        ):
            to.append([one.instructions, one.variants, one.examples, one.meetings])
    assert np.mean(found, axis=0) == pytest.approx([0.0] * 4, abs=0.02)
    assert np.mean(shown, axis=0).sum() > 0.1


def test_a_fifth_of_the_cells_expects_what_all_of_them_find() -> None:
    """Median half-widths of the drop, within 15 %; with parts cut off at 0 it was a fifth more."""
    planned, real = [], []
    for draw in range(120):
        clean, first, _, present, families = _simulate(6, 5, 100, 0.2, seed=draw)
        lost = pool_parts([(clean - first, present, families)])
        flows = [float(((clean - first)[present] == side).mean()) for side in (1, -1)]
        parts = replace(lost, flows=(flows[0], flows[1]))
        planned.append(half_width(predict(parts, Size(6, 5, 100)), 0.95))
        everything = np.ones_like(present)
        real.append(half_width(_measured("drop", clean, first, first, everything, families), 0.95))
    assert np.median(planned) == pytest.approx(float(np.median(real)), rel=0.15)


def test_one_instruction_and_one_variant_each_can_be_measured() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(6, 40)) + rng.normal(size=(1, 40))
    everywhere = np.ones(values.shape, dtype=bool)
    one = measure_parts(values, everywhere, np.zeros(6, dtype=int))
    assert one.instructions == 0
    assert one.examples == pytest.approx(1, abs=0.5)
    apart = measure_parts(values, everywhere, np.arange(6))
    assert apart.variants == 0
    assert apart.examples == pytest.approx(1, abs=0.5)
    assert apart.cells + apart.meetings == pytest.approx(1, abs=0.3)


SETTINGS = [
    (6, 5, 100, 1.0),
    (6, 5, 100, 0.2),
    (3, 5, 100, 1.0),
    (3, 5, 100, 0.2),
    (4, 5, 48, 0.2),
    (4, 5, 150, 0.05),
    (12, 2, 60, 0.5),
    (6, 10, 300, 0.1),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_prediction_is_what_the_estimator_finds(setting: tuple[int, int, int, float]) -> None:
    """Median half-widths of accuracy, drop and a difference of two runs, within 15 %."""
    size = Size(*setting)
    parts = {name: _true_parts(name) for name in ("accuracy", "drop", "two runs")}
    widths: dict[str, list[float]] = {name: [] for name in parts}
    for draw in range(200):
        cells = _simulate(*setting, seed=draw)
        for name in parts:
            widths[name].append(half_width(_measured(name, *cells), 0.95))
    for name, one in parts.items():
        predicted = half_width(predict(one, size), 0.95)
        assert predicted == pytest.approx(float(np.median(widths[name])), rel=0.15), name


@pytest.mark.parametrize("tasks", [2, 5])
def test_the_prediction_for_several_tasks_is_what_their_mean_has(tasks: int) -> None:
    """Luck evens out over tasks: the mean of runs in the middle would be too sure."""
    setting = 4, 5, 24, 0.2
    question = Question("drop", (_true_parts("drop"),) * tasks, (5,) * tasks)
    widths = []
    for draw in range(60):
        runs = [_simulate(*setting, seed=draw * tasks + task) for task in range(tasks)]
        widths.append(half_width(mean_of([_measured("drop", *cells) for cells in runs]), 0.95))
    predicted = half_width(question.estimate(4, 24, 0.2), 0.95)
    assert predicted == pytest.approx(float(np.median(widths)), rel=0.1)


def _simulate(
    instructions: int, variants: int, examples: int, share: float, *, seed: int
) -> tuple[np.ndarray, ...]:
    """Clean, perturbed and a second model's cells of a logistic model [K, N]."""
    rng = np.random.default_rng([seed, 1])
    families = np.repeat(np.arange(instructions), variants)
    prompts = len(families)
    base = (
        1.0
        + 1.5 * rng.normal(size=(1, examples))
        + 0.35 * rng.normal(size=(instructions, 1))
        + 0.45 * rng.normal(size=(instructions, examples))
    )
    clean = rng.random(base.shape) < 1 / (1 + np.exp(-2 * base))
    perturbed = (
        base[families] - 0.4
        + 0.25 * rng.normal(size=(prompts, 1))
        + 0.25 * rng.normal(size=(instructions, 1))[families]
        + 0.5 * rng.normal(size=(prompts, examples))
    )  # fmt: skip
    luck = rng.random((prompts, examples))
    first = luck < 1 / (1 + np.exp(-2 * perturbed))
    other = perturbed + 0.3 + 0.5 * rng.normal(size=(1, examples))
    second = luck < 1 / (1 + np.exp(-2 * other))
    names = [str(n) for n in range(prompts)]
    present = Design(share, seed).cells("simulated", names, examples)
    return (
        clean[families].astype(float),
        first.astype(float),
        second.astype(float),
        present,
        families,
    )


def _measured(
    name: str,
    clean: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    present: np.ndarray,
    families: np.ndarray,
) -> Estimate:
    if name == "accuracy":
        weights = present / present.sum(axis=1, keepdims=True) / len(present)
        return estimate(influence_of_mean(first, weights), families, kind="share")
    weights = family_weights(present, families)
    pair = (clean, first) if name == "drop" else (second, first)
    return estimate(influence_of_change(*pair, weights), families, kind="difference")


def _true_parts(name: str) -> CellVariance:
    """The parts of a cell's variance, from a grid so large that they are known."""
    clean, first, second, present, families = _simulate(120, 6, 500, 1.0, seed=99)
    if name == "accuracy":
        return measure_parts(first, present, families)
    lost = (clean if name == "drop" else second) - first
    flows = float((lost > 0).mean()), float((lost < 0).mean())
    return replace(measure_parts(lost, present, families), flows=flows)


def test_the_cheapest_design_finds_what_is_wanted_and_no_cheaper_one_of_its_kind_does() -> None:
    question = Question("word", (PARTS,), (5,), tests=4)
    limits = Limits(instructions=12, examples=1000)
    found = plan_design([question], limits, 0.2)
    assert found is not None
    assert found.detectable <= 0.2
    for fewer in (found.instructions - 1, found.instructions):
        examples = found.examples if fewer < found.instructions else round(0.8 * found.examples)
        if fewer >= 3:
            assert make_design([question], fewer, examples, found.share).detectable > 0.2
    assert plan_design([question], Limits(3, 20), 0.02) is None


def test_a_design_counts_clean_cells_whole_and_perturbed_ones_by_share() -> None:
    questions = [Question(level, (PARTS, PARTS), (5, 4)) for level in ("word", "sentence")]
    assert make_design(questions, 3, 50, 0.1).cells == 2 * 3 * 50 + round(0.1 * 18 * 150)
    small = [replace(one, examples=(50, 20)) for one in questions]
    assert make_design(small, 3, 50, 0.1).cells == 3 * 70 + round(0.1 * 2 * 3 * (5 * 50 + 4 * 20))


def test_typical_variances_are_those_that_were_measured() -> None:
    """1.1 to 1.2 points with 6 x 5 x 80 cells of a level; 1.4 to 1.6 times that with a fifth."""
    (question,) = typical_drops(0.78, levels=1)
    full = question.estimate(6, 80, 1.0).standard_error
    assert 0.010 < full < 0.014
    assert 1.3 < question.estimate(6, 80, 0.2).standard_error / full < 1.65
