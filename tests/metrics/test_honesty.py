"""Numbers that once misled: constant models, equal texts, unequal counts, related variants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.metrics.accuracy import sphericity, spread_p
from harness.metrics.drop import matched_accuracies
from harness.metrics.grid import Grid, Group, build_grids
from harness.metrics.measures import measure
from harness.metrics.summary import summarize
from harness.metrics.task_facts import TaskFacts
from harness.stats.estimate import Estimate
from tests.support.plain_metrics import drop

FACTS = {"t": TaskFacts(0.5, ("yes", "no"))}


def _variants(instructions: int, *, texts: list[str] | None = None) -> pd.DataFrame:
    rows = [
        {
            "id": f"{level}{number}", "task": "t", "level": level, "perturbation": level,
            "instruction_id": f"i{number}", "index": 0,
            "text": texts[number] if texts else f"{level} instruction {number}",
        }
        for level in ("clean", "word")
        for number in range(instructions)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _samples(variants: pd.DataFrame, gold: list[str], answers: np.ndarray) -> pd.DataFrame:
    examples = len(gold)
    answer = answers.ravel()
    right = np.tile(gold, len(variants)) == answer
    return pd.DataFrame(
        {
            "variant_id": np.repeat(variants["id"].to_numpy(), examples),
            "example_id": np.tile([f"e{number:03d}" for number in range(examples)], len(variants)),
            "gold": np.tile(gold, len(variants)), "prediction": answer, "score": right * 1.0,
            "parsed": True, "scorer": "loglik",
        }
    )  # fmt: skip


def test_a_constant_model_is_not_above_chance_and_is_said_to_be_constant() -> None:
    variants = _variants(6)
    gold = ["yes"] * 80 + ["no"] * 20
    samples = _samples(variants, gold, np.full((12, 100), "yes"))
    found = summarize(samples, variants, FACTS, seed=0, resamples=50).to_json()["tasks"]["t"]
    assert (found["chance"], found["largest_gold_share"]) == (0.5, 0.8)
    assert found["above_chance"] is False
    assert found["levels"]["word"]["accuracy"] == 0.8
    assert found["levels"]["word"]["largest_answer_share"] == 1.0
    assert found["levels"]["word"]["pdr_chance_adjusted"] is None


def test_a_model_that_beats_the_constant_is_above_chance() -> None:
    variants = _variants(6)
    gold = ["yes"] * 80 + ["no"] * 20
    answers = np.tile(gold, (12, 1))
    answers[:, :5] = "no"
    found = summarize(
        _samples(variants, gold, answers), variants, FACTS, seed=0, resamples=50
    ).to_json()
    assert found["tasks"]["t"]["above_chance"] is True
    assert found["tasks"]["t"]["levels"]["word"]["largest_answer_share"] == 0.75


def test_the_matched_pair_differs_by_the_drop_and_counts_instructions_alike() -> None:
    # The first instruction has three variants, the second one.
    clean = np.array([[1.0, 1], [1, 1], [1, 1], [0, 1]])
    score = np.array([[0.0, 1], [0, 1], [0, 1], [0, 1]])
    everywhere, families = np.ones((4, 2), dtype=bool), np.array([0, 0, 0, 1])
    before, after = matched_accuracies(score, clean, everywhere, families)
    assert (before, after) == (0.75, 0.5)
    assert drop(score, clean, everywhere, families) == 0.25
    assert drop(score, clean, everywhere) == pytest.approx(3 / 8)  # variants alike


def _group(score: np.ndarray, clean: np.ndarray, families: np.ndarray) -> Group:
    prompts, examples = score.shape
    everywhere = np.ones(score.shape, dtype=bool)
    return Group(
        task="t", rows=np.arange(prompts), variants=tuple(map(str, range(prompts))),
        examples=tuple(map(str, range(examples))), families=families, score=score,
        answer=score.astype(np.int16), present=everywhere, clean_score=clean,
        clean_answer=clean.astype(np.int16), matched=everywhere, classes=2,
    )  # fmt: skip


def test_a_summary_has_the_matched_pair_of_its_drop() -> None:
    variants = _variants(6)
    rng = np.random.default_rng(0)
    gold = ["yes", "no"] * 25
    answers = np.where(rng.random((12, 50)) < 0.8, gold, "no")
    levels = summarize(
        _samples(variants, gold, answers), variants, FACTS, seed=0, resamples=50
    ).to_json()
    word, clean = levels["levels"]["word"], levels["levels"]["clean"]
    pair = word["clean_accuracy_matched"], word["accuracy_matched"]
    assert pair[0] - pair[1] == pytest.approx(word["drop"], abs=1e-9)
    assert pair == pytest.approx((clean["accuracy"], word["accuracy"]))
    assert clean["clean_accuracy_matched"] is None


@pytest.mark.parametrize("metric", ["pdr", "kappa"])
def test_ten_examples_without_a_change_leave_room_for_one(metric: str) -> None:
    right = np.tile(np.array([1.0] * 7 + [0.0] * 3), (4, 1))
    found = measure(metric, _group(right, right, np.arange(4)), np.zeros((2, 4), np.float32))
    assert isinstance(found, Estimate)
    low, high = found.interval() or (0.0, 0.0)
    # None of ten changed: 28 % could (Wilson); of kappa and pdr that is more, by what they divide.
    divisor = {"pdr": 0.7, "kappa": 1 - 0.7**2 - 0.3**2}[metric]
    assert found.value - low == pytest.approx(3.8415 / 13.8415 / divisor, rel=1e-4)
    assert high == pytest.approx(min(1.0, found.value + 3.8415 / 13.8415 / divisor), rel=1e-4)


def test_a_task_without_a_change_does_not_make_a_mean_surer_than_it_is() -> None:
    from harness.stats.estimate import mean_of

    none = Estimate(0.0, 0.0, 9, 10, "difference", "examples")
    some = Estimate(0.1, 0.04**2, 9, 10, "difference", "examples")
    assert mean_of([none, some]).variance == pytest.approx((2 / 12**2 + 0.04**2) / 4)
    assert mean_of([none, none]).variance == 0.0


def _grid(texts: list[str] | None) -> Grid:
    variants = _variants(4, texts=texts)
    gold = ["yes", "no"] * 10
    rng = np.random.default_rng(1)
    answers = np.where(rng.random((8, 20)) < 0.7, gold, "no")
    samples = _samples(variants, gold, answers)
    return build_grids(samples, variants, {"t": ("yes", "no")}, scorer="loglik")["t"]


def test_instructions_with_one_text_are_one_draw() -> None:
    assert len(set(_grid(None).families)) == 4
    grid = _grid(["a", "a", "a", "b"])
    assert grid.families[:4].tolist() == [0, 0, 0, 1]
    group = grid.group(grid.rows(level="clean"))
    assert group is not None
    found = measure("accuracy", group, np.zeros((2, 8), np.float32))
    assert isinstance(found, Estimate)
    # Two texts are too few to speak of others: taken as given.
    assert found.over == "examples"


def test_variants_with_one_text_are_one_draw_where_variants_are_the_clusters() -> None:
    grid = _grid(["a", "b", "a", "b"])
    assert len(set(grid.texts)) == 2


@pytest.mark.parametrize(("instructions", "variants", "shared"), [(6, 4, 0.8), (3, 8, 0.9)])
def test_related_variants_do_not_look_different_by_chance(
    instructions: int, variants: int, shared: float
) -> None:
    # Every prompt is right equally often; an instruction's variants share on which examples.
    rng = np.random.default_rng([instructions, variants])
    families, found, plain = np.repeat(np.arange(instructions), variants), [], []
    for _ in range(600):
        of_instruction = np.repeat(rng.normal(size=(instructions, 100)), variants, axis=0)
        own = rng.normal(size=of_instruction.shape)
        luck = np.sqrt(shared) * of_instruction + np.sqrt(1 - shared) * own
        score = (1 + 1.5 * rng.normal(size=100) + 1.8 * luck > 0).astype(float)
        everywhere = np.ones(score.shape, dtype=bool)
        found.append(spread_p(score, everywhere, families) < 0.05)
        plain.append(spread_p(score, everywhere) < 0.05)
    assert np.mean(plain) > 0.07
    assert np.mean(found) <= 0.07


def test_prompts_that_are_equally_related_keep_their_degrees_of_freedom() -> None:
    rng = np.random.default_rng(2)
    everywhere = np.ones((5, 4000), dtype=bool)
    alike = rng.normal(size=(5, 4000))
    assert sphericity(alike - alike.mean(axis=0), everywhere) == pytest.approx(1.0, abs=0.01)
    # Two blocks of copies: of the K - 1 = 3 contrasts only one varies.
    halves = np.repeat(rng.normal(size=(2, 4000)), 2, axis=0)
    halves -= halves.mean(axis=0)
    assert sphericity(halves, everywhere[:4]) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("related", [False, True])
def test_spread_p_with_holes_finds_nothing_in_equal_prompts(related: bool) -> None:
    # Every variant is asked on one in three examples; no example has all variants.
    rng = np.random.default_rng(9)
    families, found = np.repeat(np.arange(6), 3), []
    for _ in range(600):
        of_instruction = np.repeat(rng.normal(size=(6, 90)), 3, axis=0)
        luck = 0.9 * related * of_instruction + rng.normal(size=(18, 90))
        score = (1 + 1.5 * rng.normal(size=90) + 1.5 * luck > 0).astype(float)
        places = rng.permutation(np.arange(90) % 3), np.arange(18) % 3
        present = (places[0] + places[1][:, None]) % 3 == 0
        found.append(spread_p(score, present, families))
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.08


def test_spread_p_with_holes_sees_a_prompt_that_differs() -> None:
    rng = np.random.default_rng(10)
    score = (rng.random((6, 200)) < np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.6])[:, None]).astype(float)
    present = rng.random(score.shape) < 0.5
    assert spread_p(score, present) < 0.001
