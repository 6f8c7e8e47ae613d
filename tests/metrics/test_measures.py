"""Metrics with intervals: the values of the definitions, and influences that are derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UnknownNameError
from harness.metrics import accuracy, flips, likelihood
from harness.metrics.grid import Group
from harness.metrics.influences import of_answer_entropy, of_drop_rate, of_kappa, of_posix
from harness.metrics.measures import MEASURES, average, get_measure, measure, measure_difference
from harness.stats.bootstrap import resample_prompt_means
from harness.stats.estimate import Estimate
from tests.support import plain_metrics as plain

NOT_WITH_HOLES = {
    "worst_prompt_accuracy", "best_prompt_accuracy", "spread", "worst_case_accuracy",
    "best_case_accuracy", "correct_and_consistent", "pdr", "answer_entropy",
}  # fmt: skip
"""Estimated otherwise, or undefined, where cells are missing (test_incomplete.py)."""
CELLS = ("score", "answer", "present", "clean_score", "clean_answer", "matched")


def _group(seed: int, prompts: int = 5, examples: int = 30, *, missing: float = 0.0) -> Group:
    rng = np.random.default_rng(seed)
    shape = (prompts, examples)
    gold = rng.integers(3, size=examples)
    ability = rng.normal(size=(1, examples)) + 0.5 * rng.normal(size=(prompts, 1)) + 1

    def answers() -> np.ndarray:
        wrong = rng.integers(-1, 3, size=shape)
        return np.where(rng.logistic(size=shape) < ability, gold, wrong).astype(np.int16)

    answer, clean = answers(), answers()
    present = rng.random(shape) >= missing
    likelihood = np.log(rng.dirichlet(np.ones(3), size=shape)).astype(np.float32)
    return Group(
        task="t",
        rows=np.arange(prompts),
        variants=tuple(map(str, range(prompts))),
        examples=tuple(map(str, range(examples))),
        families=np.arange(prompts),
        score=np.where(present, answer == gold, 0.0),
        answer=np.where(present, answer, 0).astype(np.int16),
        present=present,
        clean_score=(clean == gold) * 1.0,
        clean_answer=clean,
        matched=present & (rng.random(shape) >= missing),
        classes=3,
        planned=prompts * (examples + 4),
        likelihood=np.where(present[:, :, None], likelihood, np.float32(np.nan)),
        label_tokens=(1, 2, 3),
    )


def _resampled(group: Group) -> np.ndarray:
    return resample_prompt_means(group.score, group.present, np.random.default_rng(0), 100)


def _defined(group: Group) -> dict[str, float]:
    score, answer, present = group.score, group.answer, group.present
    both = (group.clean_score, group.matched)
    assert group.likelihood is not None
    assert group.label_tokens is not None
    return {
        "accuracy": accuracy.accuracy(score, present),
        "drop": plain.drop(score, *both),
        "pdr": plain.average_performance_drop_rate(score, *both),
        "worst_prompt_accuracy": accuracy.worst_prompt(score, present)[1],
        "consistency": plain.consistency(answer, present, 3),
        "kappa": plain.fleiss_kappa(answer, present, 3),
        "correct_and_consistent": plain.correct_and_consistent(score, present),
        "instance_sensitivity": plain.instance_sensitivity(score, present),
        "flip_rate": flips.count_flips(
            score, answer, group.clean_score, group.clean_answer, group.matched
        ).rate,
        "unparsed_rate": plain.unparsed_rate(answer, present),
        "best_prompt_accuracy": float(accuracy.prompt_accuracies(score, present).max()),
        "spread": plain.spread(score, present),
        "worst_case_accuracy": plain.worst_case_accuracy(score, present),
        "best_case_accuracy": plain.best_case_accuracy(score, present),
        "accuracy_parsed": plain.accuracy_parsed(score, answer, present),
        "posix": plain.posix(group.likelihood, answer, group.label_tokens),
        "answer_entropy": plain.answer_entropy(likelihood.answer_distributions(group.likelihood)),
        "coverage": float(present.sum()) / group.planned,
        "largest_answer_share": plain.largest_answer_share(answer, present),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(3, 12), st.sampled_from([0.0, 0.3]))
def test_values_are_those_of_the_definitions(
    seed: int, prompts: int, examples: int, missing: float
) -> None:
    group = _group(seed, prompts, examples, missing=missing)
    if not group.present.any(axis=1).all():
        return
    for name, expected in _defined(group).items():
        if group.has_holes and name in NOT_WITH_HOLES:
            continue
        found = measure(name, group, _resampled(group))
        value = math.nan if found is None else found.value
        assert value == pytest.approx(expected, nan_ok=True), name


@pytest.mark.parametrize("name", MEASURES)
def test_a_value_lies_in_its_interval(name: str) -> None:
    group = _group(3)
    found = measure(name, group, _resampled(group))
    assert found is not None
    low, high = found.interval() or (math.nan, math.nan)
    assert low <= found.value <= high
    assert low < high or name == "coverage"  # counted, not sampled


@pytest.mark.parametrize("name", MEASURES)
def test_differences_are_second_minus_first(name: str) -> None:
    first, second = _group(3), _group(4)
    shared = {name: getattr(first, name) for name in ("matched", "present")}
    second = Group(**{**_fields(second), **shared})
    values = [measure(name, one, _resampled(one)) for one in (second, first)]
    found = measure_difference(name, second, first, (_resampled(second), _resampled(first)))
    assert found is not None
    assert values[0] is not None
    assert values[1] is not None
    assert found.value == pytest.approx(values[0].value - values[1].value)
    assert found.variance > 0 or name == "coverage"
    same = measure_difference(name, first, first, (_resampled(first), _resampled(first)))
    assert same is not None
    assert same.value == 0.0
    # One row of examples keeps the two changes that Bonett and Price add.
    one_row = ("correct_and_consistent", "worst_case_accuracy", "best_case_accuracy")
    expected = 2 / 32**2 if name in one_row else 0.0
    assert same.variance == pytest.approx(expected)


def _fields(group: Group) -> dict[str, Any]:
    return {name: getattr(group, name) for name in Group.__slots__}


@pytest.mark.parametrize(
    ("influence_of", "name"),
    [
        (of_kappa, "kappa"),
        (of_drop_rate, "pdr"),
        (of_posix, "posix"),
        (of_answer_entropy, "answer_entropy"),
    ],
)
def test_influences_of_examples_are_derivatives(influence_of: object, name: str) -> None:
    # Against the jackknife: to first order, leaving an example out moves the metric by minus its
    # influence, times N / (N - 1).
    group = _group(8, prompts=4, examples=60)
    influence = influence_of(group)  # type: ignore[operator]
    whole = _defined(group)[name]
    assert influence.value == pytest.approx(whole)
    keep = [np.delete(np.arange(60), example) for example in range(60)]
    left_out = np.array([_defined(_columns(group, columns))[name] for columns in keep])
    own = influence.by_example.sum(axis=0)
    assert own.sum() == pytest.approx(0, abs=1e-12)
    # Where accuracies themselves move, the second order is of the order 1 / N^2.
    assert whole - left_out == pytest.approx(own * 60 / 59, abs=2e-3)
    assert np.corrcoef(whole - left_out, own)[0, 1] > 0.99


def test_posix_moves_with_its_prompts_as_the_jackknife_says() -> None:
    group = _group(8, prompts=7, examples=40)
    parsed = np.abs(group.answer)
    group = Group(**{**_fields(group), "answer": parsed})
    influence = of_posix(group)
    assert influence is not None
    assert influence.by_prompt is not None
    left_out = []
    for prompt in range(7):
        keep = np.delete(np.arange(7), prompt)
        fields = {name: getattr(group, name)[keep] for name in (*CELLS, "likelihood")}
        left_out.append(_defined(Group(**{**_fields(group), **fields}))["posix"])
    own = influence.by_prompt.sum(axis=1)
    # A mean over pairs: the jackknife's exact influence, its factor (K - 1) / K left to the rest.
    assert (np.mean(left_out) - np.array(left_out)) * 6 / 7 == pytest.approx(own, abs=1e-9)


def _columns(group: Group, columns: np.ndarray) -> Group:
    fields = _fields(group)
    for name in (*CELLS, "likelihood"):
        fields[name] = getattr(group, name)[:, columns]
    return Group(**{**fields, "examples": tuple(map(str, columns))})


def test_what_is_undefined_is_none() -> None:
    group = _group(1, prompts=1)
    for name in ("consistency", "kappa", "instance_sensitivity"):
        assert measure(name, group, _resampled(group)) is None
        assert measure_difference(name, group, group, (_resampled(group),) * 2) is None
    alone = Group(**{**_fields(group), "matched": np.zeros_like(group.matched)})
    for name in ("drop", "pdr", "flip_rate"):
        assert measure(name, alone, _resampled(alone)) is None


def test_one_answer_everywhere_leaves_kappa_undefined() -> None:
    group = _group(1)
    same = Group(**{**_fields(group), "answer": np.zeros_like(group.answer)})
    assert measure("kappa", same, _resampled(same)) is None
    found = measure("consistency", same, _resampled(same))
    assert found is not None
    assert found.value == 1.0


def test_a_mean_over_tasks_is_plain() -> None:
    groups = [_group(1), _group(2)]
    for name in ("accuracy", "worst_prompt_accuracy"):
        parts = [measure(name, one, _resampled(one)) for one in groups]
        known = [one for one in parts if one is not None]
        mean = average(known)
        assert mean.value == pytest.approx(np.mean([one.value for one in known]))
        assert mean.interval() is not None


def test_an_unknown_metric_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'consistency'"):
        get_measure("consistancy")


def test_identical_prompts_are_no_reason_for_a_narrow_interval() -> None:
    one = _group(5, prompts=1, examples=80)
    many = Group(
        **{
            **_fields(one),
            **{name: np.repeat(getattr(one, name), 6, axis=0) for name in CELLS},
            "rows": np.arange(6),
            "families": np.arange(6),
            "variants": tuple("abcdef"),
        }
    )
    single = measure("accuracy", one, _resampled(one))
    repeated = measure("accuracy", many, _resampled(many))
    assert isinstance(single, Estimate)
    assert isinstance(repeated, Estimate)
    assert repeated.variance == pytest.approx(single.variance)
