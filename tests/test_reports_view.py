"""The view: that a report claims what the numbers carry and no more."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from make_run import TASKS, MadeRun, make_run, make_summary

from harness.errors import UsageError
from reports.figures import Estimate
from reports.flips import ROW_LIMIT
from reports.group import Reading, read_drop, read_estimate, read_group
from reports.html import render_html
from reports.markdown import render_markdown
from reports.source import run_names
from reports.view import ReportView, build_view


@pytest.fixture(scope="module")
def base() -> MadeRun:
    return make_run()


@pytest.fixture(scope="module")
def tuned() -> MadeRun:
    return make_run("runs/tuned", model="tuned", strength=0.2)


@pytest.fixture(scope="module")
def view(base: MadeRun) -> ReportView:
    return build_view([base])


def with_levels(run: MadeRun, **drops: tuple[float, float, float] | None) -> MadeRun:
    """The run with its levels' drops replaced: value, low, high."""
    summary = copy.deepcopy(run.summary)
    for level, drop in drops.items():
        stats = summary["levels"][level]
        stats["drop"], stats["drop_ci"] = (drop[0], list(drop[1:])) if drop else (None, None)
        stats["drop_p_adjusted"] = 0.5 if drop and drop[1] <= 0 <= drop[2] else 0.001
    return replace(run, summary=summary)


QUIET = {"word": (0, -0.1, 0.1), "sentence": (0, -0.1, 0.1), "semantic": (0, -0.1, 0.1)}


def test_a_clear_drop_leads_the_headline(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (0.114, 0.072, 0.156)})
    view = build_view([with_instructions(run, None)])
    assert view.headline.startswith("Character-level rephrasing breaks SmolLM2-135M-Instruct most")
    assert "11.4 points (7.2 to 15.6)" in view.headline
    assert view.detail == "Word, sentence and semantic level changes are within noise."


def test_without_a_clear_drop_nothing_is_said_to_break(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (0.03, -0.01, 0.07)})
    headline = build_view([with_instructions(run, None)]).headline
    assert "breaks" not in headline
    assert "beyond noise" in headline
    assert "3.0 points (−1.0 to 7.0) at the character level" in headline


def with_instructions(run: MadeRun, p: float | None) -> MadeRun:
    """The run with clean instructions of 73 to 91 % whose spread has that p value."""
    summary = copy.deepcopy(run.summary)
    found = {"worst_prompt_accuracy": 0.73, "best_prompt_accuracy": 0.91, "spread": 0.18}
    summary["levels"]["clean"].update(found, null_spread=0.089, spread_p_adjusted=p)
    return replace(run, summary=summary)


DIFFER = (
    "Between a task's worst and best clean instruction lie 18.0 points (73.0% to 91.0%), "
    "where chance alone gives 8.9."
)


def test_instructions_that_differ_are_told_where_no_level_does_harm(base: MadeRun) -> None:
    quiet = with_levels(base, **{**QUIET, "character": (0.03, -0.01, 0.07)})
    view = build_view([with_instructions(quiet, 0.0004)])
    assert view.headline == (
        "No level of rephrasing moves SmolLM2-135M-Instruct down beyond noise, "
        "but the instructions of a task differ by 18.0 points."
    )
    assert view.detail == (
        f"The largest drop is 3.0 points (−1.0 to 7.0) at the character level. {DIFFER}"
    )


def test_instructions_that_differ_are_told_beside_a_clear_drop(base: MadeRun) -> None:
    harmed = with_levels(base, **{**QUIET, "character": (0.114, 0.072, 0.156)})
    detail = build_view([with_instructions(harmed, 0.0004)]).detail
    assert detail == f"Word, sentence and semantic level changes are within noise. {DIFFER}"


@pytest.mark.parametrize("p", [0.2, None])
def test_instructions_that_may_be_alike_are_not_said_to_differ(
    base: MadeRun, tuned: MadeRun, p: float | None
) -> None:
    runs = [with_instructions(run, p) for run in (base, tuned)]
    assert "instruction" not in build_view(runs[:1]).headline + build_view(runs[:1]).detail
    assert "by instruction" not in build_view(runs).detail


def test_several_runs_say_how_far_their_instructions_differ(base: MadeRun, tuned: MadeRun) -> None:
    view = build_view([with_instructions(base, 0.0004), with_instructions(tuned, 0.2)])
    assert view.headline.endswith(
        "; a task's instructions differ by 18.0 points for SmolLM2-135M-Instruct."
    )
    assert view.detail.count("(73.0% to 91.0% by instruction)") == 1


def test_a_clean_only_run_says_how_far_its_instructions_differ(base: MadeRun) -> None:
    run = with_instructions(base, 0.0004)
    summary = {**run.summary, "levels": {"clean": run.summary["levels"]["clean"]}}
    view = build_view([replace(run, summary=summary)])
    assert "nothing was rephrased" in view.headline
    assert view.detail == DIFFER


def test_the_worst_and_the_best_instruction_of_a_task(base: MadeRun) -> None:
    view = build_view([base])
    clean = base.samples[base.samples["level"] == "clean"].groupby(["task", "instruction_id"])
    accuracies = clean["correct"].mean()
    for task in view.tasks:
        found = view.runs[0].instructions(task)
        assert found is not None
        assert (found.worst.accuracy, found.best.accuracy) == (
            accuracies[task].min(),
            accuracies[task].max(),
        )
        assert accuracies[task][found.worst.instruction_id] == found.worst.accuracy
    assert view.instructed


@pytest.mark.parametrize(
    ("p", "above_chance", "reading"),
    [
        (0.0004, True, "differ clearly"),
        (0.2, True, "within noise"),
        (None, True, "within noise"),
        (0.0004, False, "not judged"),
    ],
)
def test_what_the_distance_of_instructions_is_called(
    base: MadeRun, p: float | None, above_chance: bool, reading: str
) -> None:
    summary = copy.deepcopy(base.summary)
    summary["tasks"]["topic"]["above_chance"] = above_chance
    summary["tasks"]["topic"]["levels"]["clean"]["spread_p_adjusted"] = p
    found = build_view([replace(base, summary=summary)]).runs[0].instructions("topic")
    assert found is not None
    assert found.reading == reading


def test_one_instruction_has_no_extremes() -> None:
    single = tuple(replace(task, instructions=task.instructions[:1]) for task in TASKS)
    view = build_view([make_run("runs/single", tasks=single)])
    assert view.runs[0].instructions("topic") is None
    assert not view.instructed
    assert "Which instruction to use" not in render_markdown(view)


def test_a_model_that_guesses_is_not_called_robust(base: MadeRun) -> None:
    summary = copy.deepcopy(base.summary)
    for task in summary["tasks"].values():
        task["above_chance"] = False
    view = build_view([replace(base, summary=summary)])
    assert "not clearly better than guessing" in view.headline
    assert view.detail == ""
    readings = {group.reading for group in view.runs[0].tables.levels.values()}
    assert readings == {Reading.CLEAN, Reading.NOT_JUDGED}


def test_a_clean_only_run_says_so(base: MadeRun) -> None:
    summary = {**base.summary, "levels": {"clean": base.summary["levels"]["clean"]}}
    assert "nothing was rephrased" in build_view([replace(base, summary=summary)]).headline


def test_a_clear_gain_is_told(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (-0.05, -0.08, -0.02)})
    view = build_view([run])
    assert view.runs[0].tables.levels["character"].reading is Reading.CLEAR_GAIN
    assert "Character changes are above the clean wording." in view.detail


def test_a_drop_without_an_interval_is_not_called_clear(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (0.3, float("nan"), 0.4)})
    view = build_view([run])
    assert view.runs[0].tables.levels["character"].reading is Reading.NO_INTERVAL
    assert "with no interval computed" in view.headline


def test_tasks_that_are_not_above_chance_are_a_caveat(view: ReportView) -> None:
    assert any(
        caveat.sentence.startswith("On acceptability clean accuracy is not above chance")
        for caveat in view.caveats
    )
    task = view.runs[0].task("acceptability")
    assert task is not None
    assert task.levels["character"].reading is Reading.NOT_JUDGED


def test_unparsed_answers_and_an_unfinished_run_are_caveats(base: MadeRun) -> None:
    summary = copy.deepcopy(base.summary)
    summary["levels"]["word"]["unparsed_rate"] = 0.12
    manifest = {**base.manifest, "status": "incomplete", "notes": ["A note of the run."]}
    sentences = " ".join(
        caveat.sentence
        for caveat in build_view([replace(base, summary=summary, manifest=manifest)]).caveats
    )
    assert "Up to 12.0% of a level's answers could not be parsed" in sentences
    assert "The run is incomplete" in sentences
    assert "A note of the run." in sentences


def test_caveats_of_several_runs_are_said_once(base: MadeRun, tuned: MadeRun) -> None:
    view = build_view([base, tuned])
    shared = [caveat for caveat in view.caveats if "not above chance" in caveat.sentence]
    assert [caveat.runs for caveat in shared] == [(0, 1)]


def test_several_runs_have_a_clause_each(base: MadeRun, tuned: MadeRun) -> None:
    view = build_view([base, tuned])
    assert "SmolLM2-135M-Instruct loses" in view.headline
    assert "; tuned " in view.headline
    assert view.detail.startswith("Right on the clean wording: ")


def test_runs_of_one_model_are_told_apart_by_folder_or_path(base: MadeRun) -> None:
    again = make_run("other/base", examples=20)
    assert [run.name for run in build_view([base, make_run("runs/b", examples=20)]).runs] == [
        "base",
        "b",
    ]
    assert build_view([base, again]).runs[1].name == "SmolLM2-135M-Instruct (other/base)"


def test_no_run_is_an_error_with_a_hint() -> None:
    with pytest.raises(UsageError, match="at least one run"):
        build_view([])


def test_dots_are_the_accuracy_of_each_wording(base: MadeRun, view: ReportView) -> None:
    row = view.runs[0].dot_row("topic", "character")
    assert row is not None
    samples = base.samples.query("task == 'topic' and level == 'character'")
    means = samples.groupby("variant_id")["correct"].mean()
    assert sorted(dot.accuracy for dot in row.dots) == pytest.approx(sorted(means))
    assert row.worst.accuracy == means.min()


def test_worst_phrasings_of_judged_tasks_come_first(view: ReportView) -> None:
    judged = [phrasing.reading is not Reading.NOT_JUDGED for phrasing in view.runs[0].worst]
    assert judged == sorted(judged, reverse=True)
    first = view.runs[0].worst[0]
    assert first.drop is not None
    assert first.clean_accuracy == pytest.approx((first.accuracy or 0) + first.drop.value)
    assert any(mark.kind == "added" for mark in first.marks)


def test_flips_from_clean_agree_with_the_summary(base: MadeRun, view: ReportView) -> None:
    (flips,) = view.flips
    stats = [stats for level, stats in base.summary["levels"].items() if level != "clean"]
    assert flips.counts["broken"] == sum(one["flips_right_wrong"] for one in stats)
    assert flips.counts["fixed"] == sum(one["flips_wrong_right"] for one in stats)
    assert len(flips.shown) == ROW_LIMIT < flips.total


def test_no_perturbation_crowds_out_the_others(view: ReportView) -> None:
    shown = pd.DataFrame([(flip.task, flip.perturbation) for flip in view.flips[0].shown])
    assert len(shown.drop_duplicates()) == 4 * 8


def test_flips_between_runs_are_of_the_same_cells(base: MadeRun, tuned: MadeRun) -> None:
    (flips,) = build_view([base, tuned]).flips
    assert flips.compared == len(base.samples)
    keys = ["variant_id", "example_id"]
    both = base.samples.merge(tuned.samples, on=keys, suffixes=("_a", "_b"))
    assert flips.counts["fixed"] == (~both["correct_a"] & both["correct_b"]).sum()
    assert flips.counts["broken"] == (both["correct_a"] & ~both["correct_b"]).sum()
    assert (flips.before, flips.after) == ("SmolLM2-135M-Instruct", "tuned")


def test_runs_with_nothing_in_common_have_no_flips(base: MadeRun) -> None:
    (flips,) = build_view([base, make_run("runs/c", model="c", seed=9, examples=20)]).flips
    assert (flips.compared, flips.total, flips.shown) == (0, 0, ())


def test_unparsed_answers_flip_once_and_have_a_name(base: MadeRun) -> None:
    samples = base.samples.head(2).copy()
    samples["variant_id"] = base.samples["variant_id"].iloc[0]
    before, after = samples.copy(), samples.copy()
    before.loc[:, "prediction"], after.loc[:, "prediction"] = None, None
    after.loc[after.index[0], "prediction"] = "positive"
    first, second = replace(base, samples=before), replace(base, samples=after)
    (flips,) = build_view([first, replace(second, path=base.path / "b")]).flips
    assert flips.total == 1
    assert flips.shown[0].before == "(unparsed)"


def test_categories_of_the_store_are_understood(base: MadeRun) -> None:
    names = [*base.samples.columns[:8], "scorer"]
    samples = base.samples.astype(dict.fromkeys(names, "category"))
    assert build_view([replace(base, samples=samples)]) == build_view([base])


def test_coverage_counts_what_was_not_made(view: ReportView) -> None:
    rows = {row.perturbation: row for row in view.runs[0].coverage}
    assert rows["synonyms"].no_ops == 1
    assert rows["paraphrase"].duplicates == 8
    assert rows["keyboard"].variants == 24
    assert rows["drop_words"].broken == 12
    assert len(rows["keyboard"].samples) == 3


def test_a_perturbation_that_made_nothing_is_listed(base: MadeRun) -> None:
    manifest = copy.deepcopy(base.manifest)
    manifest["tasks"]["topic"]["no_ops"] = {"inflections": 6}
    rows = {
        row.perturbation: row
        for row in build_view([replace(base, manifest=manifest)]).runs[0].coverage
    }
    assert (rows["inflections"].variants, rows["inflections"].no_ops) == (0, 6)


def test_provenance_names_what_decides_a_result(view: ReportView) -> None:
    facts = dict(view.runs[0].provenance.facts)
    assert {"Model", "Fingerprint", "Seed", "Versions", "Scorer"} <= set(facts)
    assert "Adapter" not in facts
    assert view.runs[0].provenance.command.startswith("harness run --model")
    assert dict(view.runs[0].provenance.settings)["levels"].startswith("character, word")


def test_an_empty_run_still_has_a_view(base: MadeRun) -> None:
    run = MadeRun(base.path, {}, {}, pd.DataFrame(), base.samples.head(0))
    view = build_view([run])
    assert view.runs[0].name == "base"
    assert view.levels == []
    assert view.flips[0].total == 0


@pytest.mark.parametrize(
    ("drop", "above", "reading"),
    [
        (Estimate(0.1, 0.01, 0.2), True, Reading.CLEAR_DROP),
        (Estimate(0.1, 0.0, 0.2), True, Reading.NOISE),
        (Estimate(-0.1, -0.2, -0.01), True, Reading.CLEAR_GAIN),
        (Estimate(0.1), True, Reading.NO_INTERVAL),
        (None, True, Reading.NO_INTERVAL),
        (Estimate(0.5, 0.4, 0.6), False, Reading.NOT_JUDGED),
    ],
)
def test_reading(drop: Estimate | None, above: bool, reading: Reading) -> None:
    assert read_drop(drop, above_chance=above) is reading


@pytest.mark.parametrize(
    ("p", "limit", "reading"),
    [
        (0.04, 0.05, Reading.CLEAR_DROP),
        (0.06, 0.05, Reading.NOISE),
        (0.04, 0.01, Reading.NOISE),
        (None, 0.05, Reading.CLEAR_DROP),
    ],
)
def test_a_drop_among_others_is_clear_by_its_adjusted_p(
    p: float | None, limit: float, reading: Reading
) -> None:
    drop = Estimate(0.03, 0.001, 0.06)
    assert read_drop(drop, above_chance=True, p=p, limit=limit) is reading


def test_a_level_that_only_its_own_interval_calls_clear_is_noise(base: MadeRun) -> None:
    steady = (0.0, -0.02, 0.02)
    run = with_levels(base, **{**QUIET, "character": steady, "word": (0.03, 0.001, 0.059)})
    run.summary["levels"]["word"]["drop_p_adjusted"] = 0.19
    view = build_view([with_instructions(run, None)])
    assert view.runs[0].tables.levels["word"].reading is Reading.NOISE
    assert "breaks" not in view.headline


def test_estimates_survive_damaged_json() -> None:
    assert read_estimate("0.5", [0, 1]) is None
    assert read_estimate(True, None) is None
    assert read_estimate(0.5, ["a", 1]) == Estimate(0.5)
    assert read_estimate(0.5, [0.1]) == Estimate(0.5)
    assert read_estimate(float("nan"), None) is None


def test_the_detectable_drop_follows_from_the_interval() -> None:
    stats: dict[str, Any] = {"drop": 0.1, "drop_ci": [0.1 - 0.0196, 0.1 + 0.0196]}
    group = read_group(stats, is_clean=False, above_chance=True)
    # A standard error of 0.01 makes 1.96 + 0.842 of them detectable at 5% with power 80%.
    assert group.detectable == pytest.approx(0.02802, abs=1e-5)


def test_two_scorers_stand_side_by_side(base: MadeRun) -> None:
    generated = base.samples.assign(scorer="generate")
    generated.loc[generated.index[::10], ["prediction", "correct", "parsed"]] = [None, False, False]
    samples = pd.concat([base.samples, generated], ignore_index=True)
    summary = make_summary(base.manifest, samples, base.variants)
    view = build_view([replace(base, summary=summary, samples=samples)])
    scorers = view.runs[0].tables.scorers
    assert list(scorers) == ["loglik", "generate"]
    rate = scorers["generate"]["word"].unparsed_rate
    assert rate is not None
    assert rate.value == pytest.approx(0.1, abs=0.02)
    assert view.runs[0].dots == build_view([base]).runs[0].dots
    assert "how answers are read" in render_html(view)


def with_model(run: MadeRun, name: str) -> MadeRun:
    manifest = copy.deepcopy(run.manifest)
    manifest["model"]["name"] = name
    return replace(run, manifest=manifest)


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["runs/x/start", "runs/x/arms/sft-0", "/a/arms/coin-0"], ["start", "sft-0", "coin-0"]),
        (["a/b/base/ckpt", "a/b/tuned/ckpt"], ["base/ckpt", "tuned/ckpt"]),
        (["org/model", "ours/model"], ["org/model", "ours/model"]),
        (["runs/a/b/ckpt"], ["ckpt"]),
        (["same/one/ckpt", "same/one/ckpt"], ["base", "tuned"]),
    ],
)
def test_runs_are_called_by_what_tells_their_models_apart(
    base: MadeRun, tuned: MadeRun, models: list[str], names: list[str]
) -> None:
    runs = [base, tuned, base][: len(models)]
    found = run_names([with_model(run, name) for run, name in zip(runs, models, strict=True)])
    assert found == names


def test_runs_that_hold_share_a_clause(base: MadeRun, tuned: MadeRun) -> None:
    noise = dict.fromkeys(("character", "word", "sentence", "semantic"), (0.01, -0.02, 0.04))
    alike = [with_instructions(run, None) for run in (base, tuned)]
    steady = [with_levels(run, **noise) for run in alike]
    names = ["SmolLM2-135M-Instruct", "tuned"]
    assert build_view(steady).headline == (
        f"{names[0]} and {names[1]} lose nothing beyond noise (most: 1.0 and 1.0 points)."
    )
    mixed = build_view([alike[0], steady[1]]).headline
    assert mixed.startswith(f"{names[0]} loses 11.4 points at its weakest level, character; tuned")
    assert mixed.endswith("tuned loses nothing beyond noise (most: 1.0 points).")
