"""Numbers of a run that asked a part of its grid, against those of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.metrics.accuracy import QUANTILES, prompt_accuracies
from harness.metrics.describe import describe
from harness.metrics.ensembles import accuracy_ensemble, tolerance_of
from harness.metrics.grid import Grid
from harness.metrics.measures import average, measure, measure_difference
from harness.metrics.variance import narrowing_of, variance_shares
from harness.results.summary import VarianceShares
from harness.stats.bootstrap import resample_prompt_means
from harness.stats.ensemble import ShrunkenExtreme
from harness.stats.variant_means import estimate_variant_means
from tests.support.incomplete_grids import Drawn, cut, draw_run

EXTREMES = ("worst_prompt_accuracy", "best_prompt_accuracy", "spread")


def _value(name: str, drawn: Drawn, *, full: bool = False) -> float:
    group = drawn.full if full else drawn.asked
    found = measure(name, group, _resampled(drawn, full=full))
    assert found is not None
    return found.value


def _resampled(drawn: Drawn, *, full: bool = False) -> np.ndarray:
    group = drawn.full if full else drawn.asked
    return resample_prompt_means(group.score, group.present, np.random.default_rng(0), 50)


def test_a_variant_asked_on_every_example_has_its_own_mean_exactly() -> None:
    drawn = draw_run((4, 3, 40), 0.3, np.random.default_rng(0))
    mask = drawn.asked.present.copy()
    mask[2] = True
    asked = cut(drawn.full, mask)
    found = estimate_variant_means(asked.score, asked.present, asked.others)
    assert found.means[2] == drawn.full.score[2].mean()
    assert found.missing[2] == 0.0
    assert (found.missing[:2] > 0).all()


def test_the_estimate_of_a_variant_by_hand() -> None:
    # Two variants on four examples; the second says how hard the examples are that the first lacks.
    values = np.array([[1.0, 0.0, 9.0, 9.0], [1.0, 0.0, 1.0, 1.0]])
    present = np.array([[True, True, False, False], [True, True, True, True]])
    found = estimate_variant_means(values, present)
    # Beside the first's cells the second says 1, 0, and 1, 0, 1, 1 in all; beside the second's
    # stand 1, 0 and, where nobody else was asked, the mean of all that is said, 2/3. The slope
    # through both variants' means is (1/2 + 7/12) / (1/2 + 19/36) = 39/37.
    assert found.means[1] == 0.75
    assert found.means[0] == pytest.approx(0.5 + 39 / 37 * (0.75 - 0.5))


def test_holes_leave_each_variant_without_bias_and_nearer_than_its_own_cells() -> None:
    rng = np.random.default_rng(1)
    errors, own = [], []
    for _ in range(40):
        drawn = draw_run((6, 4, 100), 0.2, rng)
        truth = drawn.full.score.mean(axis=1)
        found = accuracy_ensemble(drawn.asked)
        errors.append((found.seen.means - truth, found.shrunken - truth))
        own.append(prompt_accuracies(drawn.asked.score, drawn.asked.present) - truth)
    unbiased, shrunken = np.swapaxes(np.array(errors), 0, 1)
    assert abs(unbiased.mean()) < 0.006
    assert (unbiased**2).mean() < 0.8 * (np.array(own) ** 2).mean()
    assert (shrunken**2).mean() < 0.5 * (np.array(own) ** 2).mean()


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_extremes_and_quantiles_are_nearly_those_of_the_full_grid(share: float) -> None:
    rng = np.random.default_rng(2)
    off, raw, quantiles = [], [], []
    for _ in range(30):
        drawn = draw_run((6, 10, 120), share, rng)
        off.append([_value(name, drawn) - _value(name, drawn, full=True) for name in EXTREMES])
        own = prompt_accuracies(drawn.asked.score, drawn.asked.present)
        truth = drawn.full.score.mean(axis=1)
        raw.append(own.min() - truth.min())
        found = accuracy_ensemble(drawn.asked).quantiles(QUANTILES)
        quantiles.append(np.array(found) - np.quantile(truth, QUANTILES))
    assert np.abs(np.mean(off, axis=0)).max() < (0.015 if share == 0.5 else 0.035)
    assert np.abs(np.mean(quantiles, axis=0)).max() < 0.02
    assert np.mean(raw) < (-0.025 if share == 0.5 else -0.13)


def test_intervals_of_extremes_hold_the_full_grid_s() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(40):
        drawn = draw_run((6, 4, 100), 0.2, rng)
        for name in EXTREMES:
            found = measure(name, drawn.asked, _resampled(drawn))
            assert isinstance(found, ShrunkenExtreme)
            low, high = found.interval() or (np.nan, np.nan)
            assert low <= found.value <= high
            held.append(low <= _value(name, drawn, full=True) <= high)
    assert np.mean(held) > 0.92


def test_a_full_grid_has_the_plain_numbers_to_the_last_digit() -> None:
    drawn = draw_run((4, 3, 50), 1.0, np.random.default_rng(4))
    accuracies = drawn.full.score.mean(axis=1)
    assert _value("worst_prompt_accuracy", drawn) == accuracies.min()
    assert _value("best_prompt_accuracy", drawn) == accuracies.max()
    values = _described(drawn)
    assert values["accuracy_quantiles"] == [float(q) for q in np.quantile(accuracies, QUANTILES)]
    assert values["std_over_prompts"] == accuracies.std()
    assert values["variant_estimates"] == "own cells"
    assert values["null_spread"] is not None


def test_what_fewer_prompts_change_is_undefined_with_holes() -> None:
    drawn = draw_run((4, 3, 50), 0.5, np.random.default_rng(5))
    for name in ("worst_case_accuracy", "best_case_accuracy", "correct_and_consistent"):
        assert measure(name, drawn.asked, _resampled(drawn)) is None
        assert measure(name, drawn.full, _resampled(drawn, full=True)) is not None
    values = _described(drawn)
    assert values["null_spread"] is None
    assert values["answer_consistency"] is None
    assert values["variant_estimates"] == "shrunken"


def test_the_relative_drop_of_few_cells_is_not_off() -> None:
    rng = np.random.default_rng(6)
    off = []
    for _ in range(40):
        drawn = draw_run((6, 4, 100), 0.1, rng, centre=0.0)
        off.append(_value("pdr", drawn) - _value("pdr", drawn, full=True))
    assert abs(np.mean(off)) < 3 * np.std(off) / np.sqrt(len(off)) + 0.005


def test_a_mean_over_tasks_may_have_holes_in_one() -> None:
    drawn = draw_run((4, 3, 50), 0.5, np.random.default_rng(7))
    parts = [
        found
        for group, full in ((drawn.asked, False), (drawn.full, True))
        if (found := measure("spread", group, _resampled(drawn, full=full)))
    ]
    mean = average(parts)
    assert mean.value == pytest.approx(np.mean([one.value for one in parts]))
    assert mean.interval() is not None


def test_equal_models_with_holes_seldom_differ_in_their_worst_variant() -> None:
    rng = np.random.default_rng(8)
    alarms = []
    for _ in range(60):
        first = draw_run((6, 4, 100), 0.2, rng)
        other = draw_run((6, 4, 100), 0.2, rng)
        second = cut(other.full, first.asked.present)
        means = [
            resample_prompt_means(one.score, one.present, np.random.default_rng(0), 50)
            for one in (second, first.asked)
        ]
        found = measure_difference("worst_prompt_accuracy", second, first.asked, tuple(means))  # type: ignore[arg-type]
        assert found is not None
        alarms.append(found.p_value() < 0.05)
    assert np.mean(alarms) <= 0.1


def test_most_new_variants_keep_what_the_tolerance_says() -> None:
    rng = np.random.default_rng(9)
    kept = []
    for _ in range(60):
        drawn = draw_run((4, 40, 120), 0.25, rng)
        asked = np.arange(160) % 40 < 12
        group = drawn.asked
        fields = ("score", "answer", "present", "matched", "others", "clean_score", "clean_answer")
        part = replace(
            group,
            families=group.families[asked],
            variants=tuple(np.array(group.variants)[asked]),
            **{name: getattr(group, name)[asked] for name in fields},
        )
        found = tolerance_of(accuracy_ensemble(part), 0.95)
        assert found is not None
        assert found.content == 0.9
        kept.append((drawn.full.score[~asked].mean(axis=1) >= found.accuracy).mean() >= 0.9)
    assert np.mean(kept) >= 0.93


def test_shares_of_the_variance_are_those_of_the_model() -> None:
    rng = np.random.default_rng(10)
    shape = (12, 10, 300)
    effects = {"examples": 0.3, "instructions": 0.1, "perturbations": 0.15, "cells": 0.2}
    example = effects["examples"] * rng.normal(size=(1, 1, 300))
    instruction = effects["instructions"] * rng.normal(size=(12, 1, 1))
    perturbation = effects["perturbations"] * rng.normal(size=(1, 10, 1))
    values = example + instruction + perturbation + effects["cells"] * rng.normal(size=shape)
    drawn = draw_run(shape, 0.3, rng)
    found = variance_shares(replace(drawn.asked, score=values.reshape(120, 300)))
    assert found is not None
    total = sum(effect**2 for effect in effects.values())
    assert found.examples == pytest.approx(effects["examples"] ** 2 / total, abs=0.08)
    assert found.cells == pytest.approx(effects["cells"] ** 2 / total, abs=0.06)
    assert found.perturbations == pytest.approx(effects["perturbations"] ** 2 / total, abs=0.12)
    assert found.instructions == pytest.approx(effects["instructions"] ** 2 / total, abs=0.06)
    assert found.variants < 0.02
    everything = [getattr(found, name) for name in VarianceShares.__slots__]
    assert sum(everything) == pytest.approx(1)


def test_more_examples_narrow_what_examples_made_wide() -> None:
    rng, saved = np.random.default_rng(11), []
    for _ in range(7):
        alike = draw_run((6, 4, 40), 0.5, rng, instructions=0.0, variants=0.0).asked
        found = narrowing_of(replace(alike, matched=np.zeros_like(alike.matched)), 0.95)
        assert found is not None
        assert (found.of, found.best) == ("accuracy", "examples")
        saved.append(found.examples)
    assert np.median(saved) == pytest.approx(1 - 0.5**0.5, abs=0.05)
    unlike = draw_run((4, 4, 400), 1.0, np.random.default_rng(12), instructions=1.5)
    found = narrowing_of(replace(unlike.full, matched=np.zeros_like(unlike.full.matched)), 0.95)
    assert found is not None
    assert found.best == "instructions"
    assert found.cells == 0.0


def _described(drawn: Drawn) -> dict[str, object]:
    group = drawn.asked
    grid = Grid(
        task="simulated", variants=group.variants, levels=("word",) * len(group.variants),
        perturbations=group.variants, instructions=group.variants, families=group.families,
        texts=group.rows, examples=group.examples, labels=("a", "b"),
        score=group.score.astype(np.float32), answer=group.answer, present=group.present,
        clean_row=np.full(len(group.variants), -1), gold=np.arange(len(group.examples)) % 2,
        likelihood=None,
    )  # fmt: skip
    return dict(describe(group, grid, _resampled(drawn), 0.5).values)
