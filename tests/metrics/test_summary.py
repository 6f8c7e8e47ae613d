"""summary.json: its shape, its numbers, and that the same samples give the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.core.errors import UsageError
from harness.metrics.measures import MEASURES
from harness.metrics.summary import NOT_ABOVE_CHANCE, summarize, summarize_run
from harness.metrics.task_facts import TaskFacts
from harness.results.rundir import load_run
from harness.results.scored_samples import likelihood_column
from harness.results.summary import GroupStats
from harness.results.summary_file import parse_summary, read_summary
from tests.support.make_run import TASKS, make_run
from tests.support.saved_runs import save_run

USED = tuple(task for task in TASKS if task.name != "inference")
FACTS = {task.name: TaskFacts(task.chance, task.labels, [1] * len(task.labels)) for task in USED}
STATS = (
    "accuracy", "accuracy_ci", "std_over_prompts", "drop", "drop_ci", "pdr", "pdr_flag",
    "worst_prompt_accuracy", "worst_prompt_id", "best_prompt_accuracy", "spread", "consistency",
    "consistency_ci", "kappa", "correct_and_consistent", "instance_sensitivity", "flip_rate",
    "flips_right_wrong", "flips_wrong_right", "unparsed_rate", "accuracy_parsed", "prompts",
    "examples", "cells",
)  # fmt: skip


def summarized(*args: Any, **options: Any) -> dict[str, Any]:
    """The content of summary.json."""
    return summarize(*args, **options).to_json()


@pytest.fixture(scope="module")
def run() -> Any:
    return make_run(tasks=USED, examples=25)


@pytest.fixture(scope="module")
def summary(run: Any) -> dict[str, Any]:
    return summarized(run.samples, run.variants, FACTS, seed=0, resamples=200)


def test_every_group_has_every_metric(summary: dict[str, Any]) -> None:
    groups = [*summary["levels"].values(), *summary["perturbations"].values()]
    for task in summary["tasks"].values():
        groups += [*task["levels"].values(), *task["perturbations"].values()]
    for group in groups:
        assert set(STATS) <= set(group)
    assert list(summary["levels"]) == ["clean", "character", "word", "sentence", "semantic"]
    assert "clean" not in summary["perturbations"]


def test_numbers_are_those_of_the_samples(run: Any, summary: dict[str, Any]) -> None:
    samples = run.samples[(run.samples["task"] == "topic") & (run.samples["level"] == "word")]
    stats = summary["tasks"]["topic"]["levels"]["word"]
    by_prompt = samples.groupby("variant_id")["correct"].mean()
    assert stats["accuracy"] == pytest.approx(by_prompt.mean())
    assert stats["std_over_prompts"] == pytest.approx(by_prompt.std(ddof=0))
    assert stats["worst_prompt_accuracy"] == pytest.approx(by_prompt.min())
    assert by_prompt[stats["worst_prompt_id"]] == by_prompt.min()
    assert (stats["prompts"], stats["examples"], stats["cells"]) == (12, 25, 300)
    wide = samples.pivot_table(index="example_id", columns="variant_id", values="correct")
    assert stats["correct_and_consistent"] == pytest.approx(wide.all(axis=1).mean())


def test_drops_and_flips_are_against_the_clean_prompt_of_the_same_instruction(
    run: Any, summary: dict[str, Any]
) -> None:
    samples = run.samples[run.samples["task"] == "topic"]
    keys = ["instruction_id", "example_id"]
    clean = samples[samples["level"] == "clean"]
    both = samples[samples["level"] == "word"].merge(clean, on=keys, suffixes=("", "_clean"))
    stats = summary["tasks"]["topic"]["levels"]["word"]
    loss = both["correct_clean"].astype(float) - both["correct"]
    assert stats["drop"] == pytest.approx(loss.mean())
    assert stats["flip_rate"] == pytest.approx(
        (both["prediction"] != both["prediction_clean"]).mean()
    )
    assert stats["flips_right_wrong"] == (both["correct_clean"] & ~both["correct"]).sum()
    assert stats["flips_wrong_right"] == (~both["correct_clean"] & both["correct"]).sum()
    means = both.groupby("variant_id")[["correct", "correct_clean"]].mean()
    assert stats["pdr"] == pytest.approx((1 - means["correct"] / means["correct_clean"]).mean())


def test_a_level_over_all_tasks_is_the_plain_mean_and_counts_are_sums(
    summary: dict[str, Any],
) -> None:
    tasks = [task["levels"]["character"] for task in summary["tasks"].values()]
    whole = summary["levels"]["character"]
    for name in ("accuracy", "drop", "pdr", "consistency", "kappa", "worst_prompt_accuracy"):
        assert whole[name] == pytest.approx(np.mean([task[name] for task in tasks]))
    for name in ("prompts", "examples", "cells", "flips_right_wrong"):
        assert whole[name] == sum(task[name] for task in tasks)
    assert whole["worst_prompt_id"] is None


def test_drops_are_tested_over_levels_and_say_what_would_show(summary: dict[str, Any]) -> None:
    levels = [stats for name, stats in summary["levels"].items() if name != "clean"]
    assert all(one["drop_p"] <= one["drop_p_adjusted"] <= 1 for one in levels)
    smallest = min(levels, key=lambda one: one["drop_p"])
    assert smallest["drop_p_adjusted"] == pytest.approx(min(1, 4 * smallest["drop_p"]), abs=1e-9)
    assert all(0 < one["drop_detectable"] < 0.5 for one in levels)


@pytest.mark.parametrize("block", ["levels", "perturbations"])
def test_drops_of_tasks_are_tested_over_all_of_them(summary: dict[str, Any], block: str) -> None:
    found = [
        stats
        for task in summary["tasks"].values()
        for stats in task[block].values()
        if stats["drop_p"] is not None
    ]
    smallest = min(found, key=lambda one: one["drop_p"])
    assert len(found) > len(summary["tasks"])
    expected = min(1, len(found) * smallest["drop_p"])
    assert smallest["drop_p_adjusted"] == pytest.approx(expected, abs=1e-8)


def test_spreads_are_tested_over_the_tasks_of_a_level(summary: dict[str, Any]) -> None:
    found = [task["levels"]["clean"] for task in summary["tasks"].values()]
    smallest = min(found, key=lambda one: one["spread_p"])
    expected = min(1, len(found) * smallest["spread_p"])
    assert smallest["spread_p_adjusted"] == pytest.approx(expected, abs=1e-8)
    clean = summary["levels"]["clean"]
    assert clean["spread_p_adjusted"] == clean["spread_p"]


def test_a_clean_level_has_no_drop(summary: dict[str, Any]) -> None:
    clean = summary["levels"]["clean"]
    for name in ("drop", "drop_ci", "drop_p", "pdr", "flip_rate", "flips_right_wrong"):
        assert clean[name] is None


def test_values_lie_in_their_intervals(summary: dict[str, Any]) -> None:
    for group in summary["levels"].values():
        for name in ("accuracy", "drop", "consistency", "kappa", "worst_prompt_accuracy"):
            if group[name] is not None:
                low, high = group[f"{name}_ci"]
                assert low <= group[name] <= high


def test_at_chance_a_drop_is_flagged(summary: dict[str, Any]) -> None:
    weak, good = summary["tasks"]["acceptability"], summary["tasks"]["topic"]
    assert (weak["above_chance"], good["above_chance"]) == (False, True)
    assert weak["levels"]["word"]["pdr_flag"] == NOT_ABOVE_CHANCE
    assert weak["levels"]["word"]["pdr_chance_adjusted"] is None
    assert good["levels"]["word"]["pdr_flag"] is None
    assert summary["levels"]["word"]["pdr_flag"] == NOT_ABOVE_CHANCE


def test_worst_variants_come_first(summary: dict[str, Any]) -> None:
    worst = summary["worst_variants"]
    assert len(worst) == 20
    order = [(one["drop_p_adjusted"] >= 0.05, -one["drop"]) for one in worst]
    assert order == sorted(order)
    first = worst[0]
    assert first["drop"] == pytest.approx(first["clean_accuracy"] - first["accuracy"])
    assert first["drop_ci"][0] <= first["drop"] <= first["drop_ci"][1]


def test_a_variant_s_drop_is_tested_by_signs_among_all_variants(run: Any) -> None:
    """The clean instruction is right on all 25 examples; one variant loses 20 of them, no other."""
    one_task = run.variants["task"] == "topic"
    variants = run.variants[one_task & run.variants["level"].isin(["clean", "word"])]
    samples = run.samples[run.samples["variant_id"].isin(variants["id"])].copy()
    worst = variants.loc[variants["level"] == "word", "id"].iloc[0]
    samples["correct"], samples["score"] = True, 1.0
    lost = samples.index[samples["variant_id"] == worst][:20]
    samples.loc[lost, "correct"], samples.loc[lost, "score"] = False, 0.0
    facts = {"topic": FACTS["topic"]}
    found = summarized(samples, variants, facts, seed=0, resamples=100)["worst_variants"]
    perturbed = int((variants["level"] == "word").sum())
    assert found[0]["variant_id"] == worst
    assert found[0]["drop_p"] == pytest.approx(2 * 0.5**20, abs=1e-9)
    assert found[0]["drop_p_adjusted"] == pytest.approx(perturbed * 2 * 0.5**20, abs=1e-9)
    assert {one["drop_p_adjusted"] for one in found[1:]} == {1.0}


def test_the_same_samples_give_the_same_bytes(run: Any, summary: dict[str, Any]) -> None:
    mixed = summarized(
        run.samples.sample(frac=1, random_state=1),
        run.variants.sample(frac=1, random_state=2),
        FACTS,
        seed=0,
        resamples=200,
    )
    assert json.dumps(mixed) == json.dumps(summary)


def test_nothing_in_it_is_nan_or_numpy(summary: dict[str, Any]) -> None:
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_two_scorers_stand_side_by_side(run: Any, summary: dict[str, Any]) -> None:
    generated = run.samples.assign(scorer="generate", prediction=None, score=0.0, parsed=False)
    both = summarized(
        pd.concat([run.samples, generated]), run.variants, FACTS, seed=0, resamples=200
    )
    assert list(both["scorers"]) == ["loglik", "generate"]
    assert both["levels"] == summary["levels"] == both["scorers"]["loglik"]["levels"]
    unparsed = both["scorers"]["generate"]["levels"]["word"]
    assert (unparsed["unparsed_rate"], unparsed["accuracy_parsed"]) == (1.0, None)
    assert (unparsed["consistency"], unparsed["kappa"]) == (1.0, None)


def test_one_prompt_and_one_example_leave_little_defined(run: Any) -> None:
    samples = run.samples[run.samples["task"] == "topic"]
    one = samples[samples["level"] == "clean"].iloc[:1]
    found = summarized(one, run.variants, {"topic": FACTS["topic"]}, seed=0, resamples=100)
    stats = found["tasks"]["topic"]["levels"]["clean"]
    assert stats["accuracy"] in {0.0, 1.0}
    for name in ("accuracy_ci", "consistency", "kappa", "instance_sensitivity", "drop"):
        assert stats[name] is None
    assert found["tasks"]["topic"]["above_chance"] is None
    assert found["worst_variants"] == []


def test_a_saved_run_gives_its_summary_again(run: Any, tmp_path: Path) -> None:
    saved = load_run(save_run(run, tmp_path / "run"))
    assert summarize_run(saved) == run.summary == saved.summary
    found = saved.summary.to_json()
    for stats in found["tasks"]["topic"]["levels"].values():
        assert all(stats[name] > 0 for name in ("posix", "answer_entropy", "answer_consistency"))
        assert stats["posix_ci"][0] < stats["posix"] < stats["posix_ci"][1]


def test_likelihoods_are_those_of_the_stored_scores(run: Any, tmp_path: Path) -> None:
    saved = load_run(save_run(run, tmp_path / "run"))
    scored, whole = saved.scored_samples, saved.samples
    assert "scores" not in scored
    for task, facts in FACTS.items():
        rows = (whole["task"] == task).to_numpy()
        for place, label in enumerate(facts.labels):
            expected = [one[label] for one in whole.loc[rows, "scores"]]
            column = scored.loc[rows, likelihood_column(place)]
            assert column.dtype == np.float32
            assert column.tolist() == pytest.approx(expected, abs=1e-6)
    assert scored.loc[whole["task"] == "sentiment", likelihood_column(2)].isna().all()


def test_generated_answers_have_no_likelihoods(run: Any, tmp_path: Path) -> None:
    texts = run.samples.assign(scorer="generate", scores=None, text="an answer")
    saved = load_run(save_run(replace(run, samples=texts), tmp_path / "run"))
    assert saved.scored_samples.filter(like="likelihood").isna().all(axis=None)
    assert summarize_run(saved).levels["word"].posix is None


def test_no_samples_give_an_empty_summary(run: Any) -> None:
    found = summarized(run.samples.iloc[:0], run.variants, FACTS, seed=0)
    assert found["levels"] == found["tasks"] == {}


def test_likelihoods_are_used_where_they_are_there(run: Any) -> None:
    samples = run.samples[run.samples["task"] == "sentiment"]
    labels = FACTS["sentiment"].labels
    sure = [
        {label: -0.1 if label == answer else -math.inf for label in labels}
        for answer in samples["prediction"]
    ]
    near = [
        {label: -0.6 if label == answer else -0.8 for label in labels}
        for answer in samples["prediction"]
    ]
    facts = {"sentiment": FACTS["sentiment"]}
    found = summarized(samples.assign(scores=near), run.variants, facts, seed=0, resamples=100)
    stats = found["levels"]["word"]
    assert 0.9 < stats["answer_entropy"] <= 1
    assert 0 < stats["posix"] < 0.2
    assert stats["answer_consistency"] is not None
    # An infinite log-likelihood is no likelihood to compare: undefined, and no crash.
    found = summarized(samples.assign(scores=sure), run.variants, facts, seed=0, resamples=100)
    assert found["levels"]["word"]["posix"] is None


def test_a_summary_read_is_the_summary_written(summary: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(summary))
    assert read_summary(path).to_json() == summary


def test_every_metric_with_an_interval_has_a_field() -> None:
    names = [field.name for field in fields(GroupStats)]
    assert names[: len(MEASURES)] == list(MEASURES)


def remove_interval(summary: dict[str, Any]) -> None:
    del summary["levels"]["word"]["drop_ci"]


def put_text(summary: dict[str, Any]) -> None:
    summary["tasks"]["topic"]["levels"]["clean"]["accuracy"] = "0.7"


def put_impossible(summary: dict[str, Any]) -> None:
    summary["levels"]["word"]["accuracy"] = 1.7


def put_infinite(summary: dict[str, Any]) -> None:
    summary["levels"]["word"]["kappa"] = math.inf


def turn_around(summary: dict[str, Any]) -> None:
    summary["levels"]["word"]["drop_ci"].reverse()


def remove_group(summary: dict[str, Any]) -> None:
    del summary["perturbations"]


def put_boolean(summary: dict[str, Any]) -> None:
    summary["worst_variants"][3]["examples"] = True


@pytest.mark.parametrize(
    ("damage", "key"),
    [
        (remove_interval, "levels.word.drop_ci"),
        (put_text, "tasks.topic.levels.clean.accuracy"),
        (put_impossible, "levels.word.accuracy"),
        (put_infinite, "levels.word.kappa"),
        (turn_around, "levels.word.drop"),
        (remove_group, "perturbations"),
        (put_boolean, "worst_variants.3.examples"),
    ],
)
def test_a_damaged_summary_is_one_error_that_names_the_key(
    summary: dict[str, Any], damage: Callable[[dict[str, Any]], None], key: str
) -> None:
    content = json.loads(json.dumps(summary))
    damage(content)
    with pytest.raises(UsageError, match=f"summary.json .*'{key}'"):
        parse_summary(json.dumps(content), source="summary.json")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_summary_is_one_error(content: bytes) -> None:
    with pytest.raises(UsageError, match="is not a summary of this release"):
        parse_summary(content, source="summary.json")


def test_all_perturbed_cells_together(run: Any, summary: dict[str, Any]) -> None:
    samples = run.samples
    keys = ["task", "instruction_id", "example_id"]
    clean, perturbed = samples[samples["level"] == "clean"], samples[samples["level"] != "clean"]
    both = perturbed.merge(clean, on=keys, suffixes=("", "_clean"))
    both["flipped"] = both["prediction"] != both["prediction_clean"]
    found = summary["perturbed"]
    assert found["cells"] == len(both)
    rates = both.groupby(["task", "variant_id"])["flipped"].mean().groupby("task").mean()
    assert found["flip_rate"] == pytest.approx(rates.mean())
    assert found["flip_rate_ci"][0] < found["flip_rate"] < found["flip_rate_ci"][1]
    counts = [found[f"flips_{kind}"] for kind in ("right_wrong", "wrong_right", "wrong_wrong")]
    assert sum(counts) == both["flipped"].sum()


def test_a_drop_is_the_difference_of_its_two_accuracies(run: Any) -> None:
    """On the same instructions and examples, whatever the variants' number and cells."""
    mixed = run.samples[run.samples["task"] == "topic"]
    first = mixed["instruction_id"] == mixed["instruction_id"].iloc[0]
    easy = mixed["example_id"].astype(int) < 12
    uneven = mixed[(mixed["level"] == "clean") | ~first | easy]
    uneven = uneven[~(first.loc[uneven.index] & (uneven["perturbation"] == "synonyms"))]
    found = summarized(uneven, run.variants, {"topic": FACTS["topic"]}, seed=0, resamples=50)
    for level in ("character", "word", "sentence", "semantic"):
        stats = found["levels"][level]
        difference = stats["clean_accuracy_matched"] - stats["accuracy_matched"]
        assert difference == pytest.approx(stats["drop"], abs=1e-9)
    assert found["levels"]["word"]["clean_accuracy_matched"] != found["levels"]["clean"]["accuracy"]


def test_variants_have_their_accuracy(run: Any, summary: dict[str, Any]) -> None:
    means = run.samples.groupby("variant_id")["correct"].mean()
    found = {name: stats["accuracy"] for name, stats in summary["variants"].items()}
    assert found == pytest.approx(means.to_dict())


def test_validity_counts_what_was_made_and_what_was_not(run: Any) -> None:
    found = run.summary.validity
    assert (found["synonyms"].no_ops, found["synonyms"].variants) == (1, 18)
    assert (found["paraphrase"].duplicates, found["paraphrase"].level) == (6, "semantic")
    assert found["drop_words"].broken == 9
    checks = [
        row["validity"]["words_changed"]
        for row in run.variants.to_dict("records")
        if row["perturbation"] == "keyboard"
    ]
    assert found["keyboard"].words_changed == pytest.approx(np.median(checks))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_a_summary_of_a_part_is_valid_and_says_how_variants_are_known(
    run: Any, share: float, summary: dict[str, Any]
) -> None:
    samples = run.samples
    clean = set(run.variants.loc[run.variants["level"] == "clean", "id"])
    kept = samples["variant_id"].isin(clean) | (
        np.random.default_rng(0).random(len(samples)) < share
    )
    found = summarize(samples[kept], run.variants, FACTS, seed=0, resamples=100)
    assert parse_summary(json.dumps(found.to_json()), source="it") == found
    word, whole = found.levels["word"], summary["levels"]
    assert word.variant_estimates == "shrunken"
    assert word.worst_case_accuracy is None
    assert whole["word"]["variant_estimates"] == "own cells"
    assert found.to_json()["levels"]["clean"] == whole["clean"] | {
        name: found.to_json()["levels"]["clean"][name] for name in whole["clean"] if "_ci" in name
    }
    known = {one.estimate for one in found.variants.values()}
    assert known == {"own cells", "shrunken"}
    for worst in found.worst_variants:
        assert worst.drop.interval is not None
        assert worst.drop.interval[0] <= worst.drop.value <= worst.drop.interval[1]


def test_right_and_wrong_answers_keep_the_numbers_of_a_mean_of_scores(run: Any) -> None:
    graded = run.samples.assign(score=run.samples["score"] * 0.5 + 0.25)
    stats = summarized(graded, run.variants, FACTS, seed=0, resamples=200)["levels"]
    known = summarized(run.samples, run.variants, FACTS, seed=0, resamples=200)["levels"]
    for level, group in stats.items():
        assert group["accuracy"] == pytest.approx(known[level]["accuracy"] * 0.5 + 0.25)
        assert group["worst_prompt_accuracy"] == pytest.approx(
            known[level]["worst_prompt_accuracy"] * 0.5 + 0.25
        )
        for name in ("flips_right_wrong", "flips_wrong_right", "correct_and_consistent"):
            assert group[name] == known[level][name]
        if level != "clean":
            assert group["drop"] == pytest.approx(known[level]["drop"] / 2)
            low, high = group["drop_ci"]
            wide_low, wide_high = known[level]["drop_ci"]
            assert high - low < wide_high - wide_low


def test_labels_say_nothing_new_of_a_task_unless_it_is_asked_for(run: Any) -> None:
    plain = summarized(run.samples, run.variants, FACTS, seed=0, resamples=100)
    keys = ["chance", "largest_gold_share", "labels", "above_chance", "levels", "perturbations"]
    keys += ["reliability", "moves"]
    assert all(list(task) == keys for task in plain["tasks"].values())
    facts = {n: replace(one, metrics=("accuracy", "macro_f1")) for n, one in FACTS.items()}
    asked = summarized(run.samples, run.variants, facts, seed=0, resamples=100)
    for task in asked["tasks"].values():
        values = task.pop("metrics")
        assert set(values) == set(task["levels"])
        assert all(0 <= one["macro_f1"] <= 1 for one in values.values())
    assert asked == plain
