"""Runs on the same cells: what is matched, what is refused, and what the numbers say."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pandas as pd
import pytest

from harness.comparison import Comparison, RunData, compare
from harness.comparison.comparable import ExampleContent
from harness.core.errors import NothingToEvaluateError, UnknownNameError, UsageError
from tests.support.simulated_runs import World

WORLD = World(seed=1)
FAST = 200


@pytest.fixture(scope="module")
def runs() -> list[RunData]:
    return [WORLD.run("base"), WORLD.run("tuned", shift=0.9, luck=1), WORLD.run("same", luck=2)]


@pytest.fixture(scope="module")
def found(runs: list[RunData]) -> Comparison:
    return compare(runs, resamples=FAST)


def _accuracy(run: RunData, level: str) -> float:
    joined = run.samples.merge(run.variants, left_on="variant_id", right_on="id")
    return float(joined.loc[joined["level"] == level, "correct"].mean())


def test_differences_are_other_minus_first(runs: list[RunData], found: Comparison) -> None:
    for level in ("clean", "character", "word"):
        one = found.pairs[0].difference("accuracy", level)
        assert one is not None
        assert one.first == pytest.approx(_accuracy(runs[0], level))
        assert one.second == pytest.approx(_accuracy(runs[1], level))
        assert one.value == pytest.approx(one.second - one.first)
        assert one.interval is not None
        assert one.interval[0] < one.value < one.interval[1]


def test_a_better_run_wins_and_an_equal_one_does_not(found: Comparison) -> None:
    tuned, same = found.pairs
    better = tuned.difference("accuracy", "character")
    equal = same.difference("accuracy", "character")
    assert better is not None
    assert equal is not None
    assert (better.better, equal.better) == ("second", None)
    assert better.p_adjusted >= better.p
    assert better.detectable is not None
    assert 0 < better.detectable < 0.2


def test_less_of_a_bad_metric_is_better() -> None:
    clean_only = WORLD.run("b", luck=1)
    hurt = clean_only.samples["variant_id"].str.contains("word")
    worse = clean_only.samples.assign(
        score=clean_only.samples["score"] * ~(hurt & (clean_only.samples.index % 3 == 0))
    )
    found = compare([clean_only, replace(clean_only, name="c", samples=worse)], resamples=FAST)
    drop = found.pairs[0].difference("drop", "word")
    assert drop is not None
    assert drop.value > 0.1
    assert drop.better == "first"


def test_a_clean_level_has_no_drop_to_compare(found: Comparison) -> None:
    assert found.pairs[0].difference("drop", "clean") is None
    assert found.pairs[0].difference("drop", "word") is not None


def test_flips_go_both_ways(runs: list[RunData], found: Comparison) -> None:
    first, second = (run.samples["correct"].to_numpy() for run in runs[:2])
    mine = runs[0].samples["variant_id"].str.contains("word").to_numpy()
    change = next(c for c in found.pairs[0].changes if (c.level, c.task) == ("word", None))
    assert change.right_to_wrong == (first & ~second & mine).sum()
    assert change.wrong_to_right == (~first & second & mine).sum()
    assert change.answers_changed == change.right_to_wrong + change.wrong_to_right
    assert change.p < 0.001


def test_prompts_are_tested_by_mcnemar(runs: list[RunData], found: Comparison) -> None:
    tests = found.pairs[0].prompts
    assert len(tests) == 18
    assert [one.p for one in tests] == sorted(one.p for one in tests)
    one = tests[0]
    at = runs[0].samples["variant_id"] == one.variant_id
    before, after = (run.samples.loc[at, "correct"].to_numpy() for run in runs[:2])
    assert (one.better, one.worse) == ((after & ~before).sum(), (before & ~after).sum())
    assert one.p_adjusted >= one.p


def test_a_run_against_itself_shows_nothing(runs: list[RunData]) -> None:
    found = compare([runs[0], replace(runs[0], name="again")], resamples=FAST)
    for one in found.pairs[0].differences:
        assert (one.value, one.p, one.better) == (0.0, 1.0, None)
    assert all(change.p == 1.0 for change in found.pairs[0].changes)
    assert found.rankings[0].chance_of_best == (0.5, 0.5)


def test_several_runs_are_ranked(found: Comparison) -> None:
    word = next(one for one in found.rankings if one.level == "word")
    assert found.runs == ("base", "tuned", "same")
    assert word.rank[1] == 1
    assert word.chance_of_best[1] > 0.95
    assert sum(word.chance_of_best) == pytest.approx(1)
    assert 0 <= word.kendalls_w <= 1
    assert word.chance_of_beating[1][0] > 0.95
    assert word.chance_of_beating[0][1] == pytest.approx(1 - word.chance_of_beating[1][0])


def test_only_shared_cells_are_compared(runs: list[RunData]) -> None:
    fewer = runs[1].samples[runs[1].samples["example_id"] < "e0050"]
    shortened = replace(runs[1], samples=fewer)
    found = compare([runs[0], shortened], resamples=FAST)
    assert found.cells == 18 * 50
    assert found.unmatched == (18 * 70, 0)
    one = found.pairs[0].difference("accuracy", "word")
    assert one is not None
    assert (one.prompts, one.examples, one.cells) == (6, 50, 300)


def test_variants_are_matched_by_text_not_by_id(runs: list[RunData]) -> None:
    renamed = replace(
        runs[1],
        variants=runs[1].variants.assign(id="x" + runs[1].variants["id"], seed=99),
        samples=runs[1].samples.assign(variant_id="x" + runs[1].samples["variant_id"]),
    )
    assert compare([runs[0], renamed], resamples=FAST) == compare(runs[:2], resamples=FAST)


def test_perturbed_inputs_are_matched_by_their_generator(runs: list[RunData]) -> None:
    first, second = (
        replace(run, variants=run.variants.assign(target="input", text="same")) for run in runs[:2]
    )
    assert compare([first, second], resamples=FAST).cells == 3 * 120
    other = replace(second, variants=second.variants.assign(seed=99))
    with pytest.raises(NothingToEvaluateError):
        compare([first, other], resamples=FAST)


def test_the_order_of_rows_does_not_matter(runs: list[RunData], found: Comparison) -> None:
    mixed = [
        replace(run, samples=run.samples.sample(frac=1, random_state=number))
        for number, run in enumerate(runs)
    ]
    assert compare(mixed, resamples=FAST).to_dict() == found.to_dict()


def test_it_is_json_without_nan(found: Comparison) -> None:
    body = found.to_dict()
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert body["pairs"][0]["differences"][0]["level"] == "clean"


def test_one_task_per_row_and_a_mean_over_tasks() -> None:
    other = World(seed=9, task="topic", examples=40)
    both = []
    for shift, luck in ((0.0, 0), (0.9, 1)):
        parts = [world.run("r", shift=shift, luck=luck) for world in (WORLD, other)]
        tasks = {**parts[0].manifest["tasks"], **parts[1].manifest["tasks"]}
        both.append(
            RunData(
                f"r{luck}",
                {**parts[0].manifest, "tasks": tasks},
                pd.concat([part.variants for part in parts]),
                pd.concat([part.samples for part in parts]),
            )
        )
    pair = compare(both, resamples=FAST).pairs[0]
    rows = [pair.difference("accuracy", "word", task) for task in (None, "sentiment", "topic")]
    assert all(rows)
    mean, one, two = (row.value for row in rows if row)
    assert mean == pytest.approx((one + two) / 2)


def test_one_prompt_is_mcnemar_exactly() -> None:
    narrow = World(seed=3, instructions=1, examples=60)
    found = compare([narrow.run("a"), narrow.run("b", luck=1)], resamples=FAST)
    change = next(c for c in found.pairs[0].changes if c.level == "word" and c.task)
    test = next(one for one in found.pairs[0].prompts if one.level == "word")
    assert change.p == test.p
    one = found.pairs[0].difference("accuracy", "word")
    assert one is not None
    assert one.over == "examples"
    assert math.isnan(found.rankings[0].kendalls_w)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt_format": "chat"}, "prompt format: base has 'plain', other has 'chat'"),
        ({"config": {"scorers": ["generate"]}}, "scorer: base has 'loglik', other has 'generate'"),
        (
            {"config": {"scorers": ["loglik"], "target": "input"}},
            "--target: base has None, other has 'input'",
        ),
    ],
)
def test_runs_of_another_question_are_refused(
    change: dict[str, object], words: str, runs: list[RunData]
) -> None:
    other = replace(runs[1], name="other", manifest={**runs[1].manifest, **change})
    with pytest.raises(UsageError, match=words):
        compare([runs[0], other], resamples=FAST)


def _with_task(run: RunData, **fields: object) -> RunData:
    tasks = {"sentiment": {**run.manifest["tasks"]["sentiment"], **fields}}
    return replace(run, name="other", manifest={**run.manifest, "tasks": tasks})


def test_another_template_is_refused_and_shown(runs: list[RunData]) -> None:
    other = _with_task(runs[1], rendered_prompt="clean wording 0\n\nText: fine\nSentiment:")
    with pytest.raises(UsageError) as caught:
        compare([runs[0], other], resamples=FAST)
    assert "rendered prompt of sentiment" in str(caught.value)
    assert "-Review: fine" in str(caught.value)
    assert "+Text: fine" in str(caught.value)


def test_other_labels_are_refused(runs: list[RunData]) -> None:
    with pytest.raises(UsageError, match="labels of sentiment: base has no, yes; other has no, si"):
        compare([runs[0], _with_task(runs[1], labels=["no", "si"])], resamples=FAST)


def test_differences_can_be_let_pass_and_are_noted(runs: list[RunData]) -> None:
    other = replace(runs[1], manifest={**runs[1].manifest, "prompt_format": "chat"})
    found = compare([runs[0], other], unlike="note", resamples=FAST)
    assert found.notes == ("prompt format: base has 'plain', tuned has 'chat'",)


def test_chat_templates_of_two_models_may_differ(runs: list[RunData]) -> None:
    chat = [{**run.manifest, "prompt_format": "chat"} for run in runs[:2]]
    first = replace(runs[0], manifest={**chat[0], "model": {"chat_template_hash": "a"}})
    second = replace(_with_task(runs[1], rendered_prompt="<|im_start|>other"), name="tuned")
    second = replace(
        second,
        manifest={**second.manifest, "prompt_format": "chat", "model": {"chat_template_hash": "b"}},
    )
    assert compare([first, second], resamples=FAST).notes == ()


def test_what_cannot_be_compared_is_said(runs: list[RunData]) -> None:
    with pytest.raises(UsageError, match="needs two runs"):
        compare(runs[:1], resamples=FAST)
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        compare(runs[:2], metrics=["acuracy"], resamples=FAST)
    with pytest.raises(UsageError, match="no samples of the scorer 'generate', only of loglik"):
        compare(runs[:2], scorer="generate", resamples=FAST)
    elsewhere = replace(runs[1], variants=runs[1].variants.assign(text="another text"))
    with pytest.raises(NothingToEvaluateError, match="share no cell"):
        compare([runs[0], elsewhere], resamples=FAST)
    nothing = replace(runs[0], samples=runs[0].samples.iloc[:0])
    with pytest.raises(NothingToEvaluateError, match="no samples"):
        compare([nothing, runs[1]], resamples=FAST)


def _without(run: RunData, name: str, perturbation: str) -> RunData:
    """A run whose level lacks a perturbation."""
    variants = run.variants[run.variants["perturbation"] != perturbation]
    kept = run.samples["variant_id"].isin(set(variants["id"]))
    return RunData(name, run.manifest, variants, run.samples[kept])


def test_a_level_of_fewer_perturbations_is_not_compared_without_a_word() -> None:
    whole = WORLD.run("whole")
    named = whole.variants["perturbation"].mask(
        whole.variants["instruction_id"].isin({"i1", "i2"}) & (whole.variants["level"] == "word"),
        "second",
    )
    whole = replace(whole, variants=whole.variants.assign(perturbation=named))
    lacking = _without(whole, "lacking", "second")
    (note,) = compare([whole, lacking], resamples=FAST).notes
    assert note == (
        "level word: whole has 2 perturbations, lacking has 1 (not second); "
        "only what both have is compared"
    )
    assert compare([whole, replace(whole, name="again")], resamples=FAST).notes == ()


CONTENT = {
    f"e{n:04d}": ExampleContent(f"film {n}", ("no", "yes")[n % 2], f"{n}") for n in range(120)
}


def _with_content(run: RunData, changes: dict[str, ExampleContent]) -> RunData:
    return replace(run, examples={"sentiment": {**CONTENT, **changes}})


OTHER_TEXT = {"e0003": ExampleContent("play 3", "yes", "x"), "e0007": ExampleContent("", "no", "y")}
OTHER_GOLD = {"e0004": ExampleContent("film 4", "yes", "x")}
OTHER_END = {"e0004": ExampleContent("film 4", "no", "x")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (OTHER_TEXT, r"2 of 120 shared examples of sentiment, the first with id 'e0003': base has "
                     r"'film 3' \(gold 'yes'\); tuned has 'play 3' \(gold 'yes'\)"),
        (OTHER_GOLD, r"base has 'film 4' \(gold 'no'\); tuned has 'film 4' \(gold 'yes'\)"),
        (OTHER_END, r"1 of 120 .* \(the texts differ further on\)"),
    ],
)  # fmt: skip
def test_examples_are_matched_by_content_not_by_id(
    changes: dict[str, ExampleContent], words: str, runs: list[RunData]
) -> None:
    pair = [_with_content(runs[0], {}), _with_content(runs[1], changes)]
    with pytest.raises(UsageError, match=words) as caught:
        compare(pair, resamples=FAST)
    assert "--shared" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"label_words": ["bad", "good"]}, "label words of sentiment: base has none; other"),
        ({"answer_cue": "A:"}, "answer cue of sentiment: base has None; other has 'A:'"),
        ({"placement": "last"}, "placement of the instruction of sentiment: base has 'first'"),
        ({"few_shot": ["abc"]}, "few-shot examples"),
    ],
)  # fmt: skip
def test_a_task_is_its_words_cue_and_shots(
    fields: dict[str, object], words: str, runs: list[RunData]
) -> None:
    given: dict[str, object] = {
        "label_words": [], "answer_cue": None, "placement": "first", "few_shot": [],
    }  # fmt: skip
    first, other = _with_task(runs[0], **given), _with_task(runs[1], **{**given, **fields})
    with pytest.raises(UsageError, match=words):
        compare([replace(first, name="base"), other], resamples=FAST)
    with pytest.raises(NothingToEvaluateError):
        compare([replace(first, name="base"), other], unlike="leave-out", resamples=FAST)


def test_the_shared_part_is_compared_and_the_rest_counted(runs: list[RunData]) -> None:
    pair = [_with_content(runs[0], {}), _with_content(runs[1], OTHER_TEXT)]
    found = compare(pair, unlike="leave-out", resamples=FAST)
    fewer = [
        replace(run, samples=run.samples[~run.samples["example_id"].isin(OTHER_TEXT)])
        for run in runs[:2]
    ]
    assert found.pairs == compare(fewer, resamples=FAST).pairs
    assert found.cells == 18 * 118
    assert found.unmatched == (36, 36)
    assert found.notes == (
        "2 of 120 examples of sentiment are left out: their text or gold label differs between "
        "the runs",
    )
    assert compare(pair, unlike="note", resamples=FAST).cells == 18 * 118


def test_settings_leave_nothing_to_share(runs: list[RunData]) -> None:
    other = replace(runs[1], manifest={**runs[1].manifest, "prompt_format": "chat"})
    with pytest.raises(UsageError, match="share no cell"):
        compare([runs[0], other], unlike="leave-out", resamples=FAST)


def test_answer_lengths_count_where_answers_are_generated(runs: list[RunData]) -> None:
    def generating(run: RunData, length: int, scorer: str) -> RunData:
        config = {"scorers": [scorer], "max_new_tokens": length}
        return replace(run, manifest={**run.manifest, "config": config})

    pair = [generating(runs[0], 7, "generate"), generating(runs[1], 9, "generate")]
    with pytest.raises(UsageError, match="--max-new-tokens: base has 7, tuned has 9"):
        compare(pair, resamples=FAST)
    pair = [generating(runs[0], 7, "loglik"), generating(runs[1], 9, "loglik")]
    assert compare(pair, resamples=FAST).cells == 18 * 120


def test_all_metrics_and_levels_that_stand_beside_each_other_are_one_family(
    found: Comparison,
) -> None:
    differences = [one for one in found.pairs[1].differences if one.task is None]
    assert {one.metric for one in differences} == {"accuracy", "drop", "consistency"}
    known = sorted(one.p for one in differences if not math.isnan(one.p))
    smallest = min(differences, key=lambda one: one.p)
    assert len(known) == 8  # three levels, and no drop of the clean one
    assert smallest.p_adjusted == pytest.approx(min(1.0, 8 * known[0]))


def test_sign_tests_are_adjusted_over_what_stands_beside_them(found: Comparison) -> None:
    changes = [one for one in found.pairs[0].changes if one.task is None]
    smallest = min(changes, key=lambda one: one.p)
    assert smallest.p_adjusted == pytest.approx(min(1.0, 3 * smallest.p))
    assert all(one.p_adjusted >= one.p for one in changes)
