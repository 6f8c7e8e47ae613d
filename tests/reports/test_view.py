"""The view: that a report claims what the numbers carry and no more."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from harness.core.errors import UsageError
from harness.core.records import CLEAN
from harness.results.names import run_names
from harness.results.quantity import Quantity
from reports.flips import ROW_LIMIT
from reports.html import render_html
from reports.markdown import render_markdown
from reports.reading import GroupView, Reading, read_drop
from reports.scorers import ScorerRow, scorer_sentence
from reports.view import ReportView, build_view
from tests.support.make_run import (
    EMPTY_SUMMARY,
    TASKS,
    MadeRun,
    edit_summary,
    make_run,
    make_summary,
)


@pytest.fixture(scope="module")
def base() -> MadeRun:
    return make_run()


@pytest.fixture(scope="module")
def tuned() -> MadeRun:
    return make_run("runs/tuned", model="tuned", strength=0.2)


@pytest.fixture(scope="module")
def view(base: MadeRun) -> ReportView:
    return build_view([base])


def test_the_worst_and_the_best_instruction_of_a_task(base: MadeRun) -> None:
    view = build_view([base])
    clean = base.samples[base.samples["level"] == "clean"].groupby(["task", "instruction_id"])
    accuracies = clean["correct"].mean()
    for task in view.tasks:
        found = view.runs[0].instructions(task)
        assert found is not None
        ends = (accuracies[task].min(), accuracies[task].max())
        assert (found.worst.accuracy, found.best.accuracy) == pytest.approx(ends)
        assert accuracies[task][found.worst.instruction_id] == ends[0]
    assert view.instructed


def test_runs_that_asked_other_questions_are_said_to(base: MadeRun, tuned: MadeRun) -> None:
    assert not [one for one in build_view([base, tuned]).caveats if "same question" in one.sentence]
    examples = tuned.examples.copy()
    examples.loc[:2, "hash"] = "other"
    other = replace(tuned, examples=examples)
    found = build_view([base, tuned, other]).caveats[0]
    assert found.runs == (0, 2)
    assert "did not ask the same question: 3 of " in found.sentence
    assert "did not ask the same question" in render_markdown(build_view([base, other]))


@pytest.mark.parametrize(
    ("p", "above_chance", "reading"),
    [
        (0.0004, True, "significant"),
        (0.2, True, "not significant"),
        (None, True, "not significant"),
        (0.0004, False, "not judged"),
    ],
)
def test_what_the_spread_of_instructions_is_called(
    base: MadeRun, p: float | None, above_chance: bool, reading: str
) -> None:
    def edit(summary: dict[str, Any]) -> None:
        summary["tasks"]["topic"]["above_chance"] = above_chance
        summary["tasks"]["topic"]["levels"]["clean"]["spread_p_adjusted"] = p

    found = build_view([edit_summary(base, edit)]).runs[0].instructions("topic")
    assert found is not None
    assert found.reading == reading


def test_one_instruction_has_no_extremes() -> None:
    single = tuple(replace(task, instructions=task.instructions[:1]) for task in TASKS)
    view = build_view([make_run("runs/single", tasks=single)])
    assert view.runs[0].instructions("topic") is None
    assert not view.instructed
    assert "Which instruction to use" not in render_markdown(view)


def test_runs_of_one_model_are_told_apart_by_folder_or_path(base: MadeRun) -> None:
    again = make_run("other/base", examples=20)
    assert [run.name for run in build_view([base, make_run("runs/b", examples=20)]).runs] == [
        "base",
        "b",
    ]
    assert build_view([base, again]).runs[1].name == "other/base"


def test_no_run_is_an_error_with_a_hint() -> None:
    with pytest.raises(UsageError, match="at least one run"):
        build_view([])


def test_dots_are_the_accuracy_of_each_variant(base: MadeRun, view: ReportView) -> None:
    row = view.runs[0].dot_row("topic", "character")
    assert row is not None
    samples = base.samples.query("task == 'topic' and level == 'character'")
    means = samples.groupby("variant_id")["correct"].mean()
    assert sorted(dot.accuracy for dot in row.dots) == pytest.approx(sorted(means))
    assert row.worst.accuracy == pytest.approx(means.min())


def test_worst_variants_of_judged_tasks_come_first(view: ReportView) -> None:
    judged = [worst.reading is not Reading.NOT_JUDGED for worst in view.runs[0].worst]
    assert judged == sorted(judged, reverse=True)
    first = view.runs[0].worst[0]
    assert first.stats.clean_accuracy == pytest.approx(
        first.stats.accuracy + first.stats.drop.value
    )
    assert any(mark.kind == "added" for mark in first.marks)


@pytest.mark.parametrize(("p", "says"), [(0.2, "no single variant’s drop is significant"),
                                         (0.01, ", significant drop</span>")])  # fmt: skip
def test_the_card_of_one_variant_says_only_what_its_test_found(
    p: float, says: str, base: MadeRun
) -> None:
    def edit(summary: dict[str, Any]) -> None:
        for worst in summary["worst_variants"]:
            worst["drop_p_adjusted"] = p

    view = build_view([edit_summary(base, edit)])
    largest = view.runs[0].worst[0].stats.drop.value
    card = render_html(view).split("Largest single-variant drop</dt>")[1].split("</dd>")[0]
    assert says in card
    assert (f"<b>{100 * largest:.1f}</b>" in card) == (p < 0.05)
    assert (view.runs[0].largest_single_drop is None) == (p > 0.05)


def test_the_card_of_the_levels_shows_no_figure_that_is_not_significant(base: MadeRun) -> None:
    def edit(summary: dict[str, Any]) -> None:
        for stats in summary["levels"].values():
            stats["drop_p_adjusted"] = None if stats["drop"] is None else 0.2

    page = render_html(build_view([edit_summary(base, edit)]))
    card = page.split("Largest drop by level</dt>")[1].split("</dd>")[0]
    assert "<b>none</b> <span>not significant: " in card


def test_flips_from_clean_agree_with_the_summary(base: MadeRun, view: ReportView) -> None:
    (flips,) = view.flips
    stats = [stats for level, stats in base.summary.levels.items() if level != "clean"]
    assert flips.counts["right_wrong"] == sum(one.flips_right_wrong or 0 for one in stats)
    assert flips.counts["wrong_right"] == sum(one.flips_wrong_right or 0 for one in stats)
    perturbed = base.summary.perturbed
    assert perturbed is not None
    assert flips.counts == {
        "right_wrong": perturbed.flips_right_wrong,
        "wrong_right": perturbed.flips_wrong_right,
        "wrong_wrong": perturbed.flips_wrong_wrong,
    }
    assert flips.compared == perturbed.cells
    assert len(flips.shown) == ROW_LIMIT < flips.total


def test_no_perturbation_crowds_out_the_others(view: ReportView) -> None:
    shown = pd.DataFrame([(flip.task, flip.perturbation) for flip in view.flips[0].shown])
    assert len(shown.drop_duplicates()) == 4 * 8


def test_flips_between_runs_are_of_the_same_cells(base: MadeRun, tuned: MadeRun) -> None:
    (flips,) = build_view([base, tuned]).flips
    assert flips.compared == len(base.samples)
    keys = ["variant_id", "example_id"]
    both = base.samples.merge(tuned.samples, on=keys, suffixes=("_a", "_b"))
    assert flips.counts["wrong_right"] == (~both["correct_a"] & both["correct_b"]).sum()
    assert flips.counts["right_wrong"] == (both["correct_a"] & ~both["correct_b"]).sum()
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


def test_validity_counts_what_was_not_made(view: ReportView) -> None:
    rows = {row.perturbation: row for row in view.runs[0].validity}
    assert rows["synonyms"].stats.no_ops == 1
    assert rows["paraphrase"].stats.duplicates == 8
    assert rows["keyboard"].stats.variants == 24
    assert rows["drop_words"].stats.broken == 12
    assert len(rows["keyboard"].samples) == 3


def test_a_perturbation_that_made_nothing_is_listed(base: MadeRun) -> None:
    manifest = copy.deepcopy(base.manifest)
    manifest["tasks"]["topic"]["no_ops"] = {"inflections": 6}
    summary = make_summary(manifest, base.samples, base.variants)
    (run,) = build_view([replace(base, summary=summary)]).runs
    rows = {row.perturbation: row for row in run.validity}
    row = rows["inflections"]
    assert (row.stats.variants, row.stats.no_ops, row.level) == (0, 6, "none made")


LEFT_OUT = [
    {"name": "inflection", "level": "word", "reason": "package", "need": "lemminflect"},
    {"name": "misspelling", "level": "word", "reason": "data", "need": "words/misspellings.txt"},
]


def test_a_level_that_lacks_perturbations_says_so(base: MadeRun) -> None:
    view = build_view([replace(base, manifest={**base.manifest, "left_out": LEFT_OUT})])
    sentence = (
        "2 perturbations make up the word level, which lacks misspelling (no data folder holds "
        "words/misspellings.txt) and inflection (the package lemminflect is not installed)."
    )
    assert sentence in [caveat.sentence for caveat in view.caveats]
    assert sentence in render_markdown(view).replace("\\", "")
    page = render_html(view)
    assert sentence in page
    assert "<small>left out: the package lemminflect is not installed</small>" in page
    rows = {row.perturbation: row for row in view.runs[0].validity}
    assert (rows["inflection"].level, rows["inflection"].stats.variants) == ("word", 0)
    word = [row.perturbation for row in view.runs[0].validity if row.level == "word"]
    assert word == ["drop_words", "synonyms", "inflection", "misspelling"]


def test_what_was_left_out_for_some_tasks_alone_has_one_row(base: MadeRun) -> None:
    lost = [{"name": "synonyms", "level": "word", "reason": "language", "need": "English"}]
    view = build_view([replace(base, manifest={**base.manifest, "left_out": lost})])
    (row,) = (row for row in view.runs[0].validity if row.perturbation == "synonyms")
    assert row.stats.variants > 0
    assert "made for English" in row.left_out


def test_provenance_names_what_decides_a_result(view: ReportView) -> None:
    facts = dict(view.runs[0].provenance.facts)
    assert {"Model", "Fingerprint", "Seed", "Versions", "Scorer"} <= set(facts)
    assert "Adapter" not in facts
    assert view.runs[0].provenance.command.startswith("harness run --model")
    assert dict(view.runs[0].provenance.settings)["levels"].startswith("character, word")


def test_an_empty_run_still_has_a_view(base: MadeRun) -> None:
    run = MadeRun(base.path, {}, EMPTY_SUMMARY, pd.DataFrame(), base.samples.head(0))
    view = build_view([run])
    assert view.runs[0].name == "base"
    assert view.levels == []
    assert view.flips[0].total == 0


@pytest.mark.parametrize(
    ("drop", "p", "above", "limit", "reading"),
    [
        (0.1, 0.04, True, 0.05, Reading.DROP),
        (0.1, 0.06, True, 0.05, Reading.NOT_SIGNIFICANT),
        (0.1, 0.04, True, 0.01, Reading.NOT_SIGNIFICANT),
        (-0.1, 0.04, True, 0.05, Reading.GAIN),
        (0.1, None, True, 0.05, Reading.NOT_TESTED),
        (None, None, True, 0.05, Reading.NOT_TESTED),
        (0.5, 0.0001, False, 0.05, Reading.NOT_JUDGED),
    ],
)
def test_a_drop_is_significant_by_its_adjusted_p_and_nothing_else(
    base: MadeRun,
    drop: float | None,
    p: float | None,
    above: bool,
    limit: float,
    reading: Reading,
) -> None:
    quantity = None if drop is None else Quantity(drop, (drop - 0.3, drop + 0.3))
    stats = replace(base.summary.levels["word"], drop=quantity, drop_p_adjusted=p)
    assert read_drop(stats, above_chance=above, limit=limit) is reading


def test_two_scorers_stand_side_by_side(base: MadeRun) -> None:
    generated = base.samples.assign(scorer="generate")
    generated.loc[generated.index[::10], ["prediction", "score", "correct", "parsed"]] = [
        None, 0.0, False, False
    ]  # fmt: skip
    samples = pd.concat([base.samples, generated], ignore_index=True)
    summary = make_summary(base.manifest, samples, base.variants)
    view = build_view([replace(base, summary=summary, samples=samples)])
    first, second = view.runs[0].scorers
    assert (first.name, second.name) == ("loglik", "generate")
    assert first.levels == view.runs[0].tables.levels
    assert first.unparsed == 0
    assert second.unparsed == pytest.approx(0.1, abs=0.02)
    assert view.runs[0].dots == build_view([base]).runs[0].dots
    assert "how answers are read" in render_html(view)


def _scorer(base: MadeRun, name: str, **changes: Any) -> ScorerRow:
    """What a scorer found: the made run's findings, or others."""
    found = build_view([base]).runs[0].tables
    above = tuple(task.name for task in found.tasks if task.above_chance)
    return replace(ScorerRow(name, found.levels, above, len(found.tasks)), **changes)


def _fewer(levels: Mapping[str, GroupView]) -> dict[str, GroupView]:
    return {
        level: replace(group, stats=replace(group.stats, cells=group.stats.cells // 5))
        for level, group in levels.items()
    }


def _without_drops(levels: Mapping[str, GroupView]) -> dict[str, GroupView]:
    return {
        level: replace(group, reading=Reading.NOT_SIGNIFICANT) for level, group in levels.items()
    }


def test_scorers_that_find_the_same_need_no_word(base: MadeRun) -> None:
    assert scorer_sentence([_scorer(base, "calibrated"), _scorer(base, "loglik")]) == ""
    assert scorer_sentence([]) == ""


def test_a_verdict_that_hangs_on_the_scorer_is_said(base: MadeRun) -> None:
    calibrated = _scorer(base, "calibrated")
    at_chance = _scorer(base, "loglik", above_chance=())
    sentence = scorer_sentence([calibrated, at_chance])
    assert "By calibrated, of which the headline speaks, the model is above chance on" in sentence
    assert "by loglik it is not significantly above chance on any task." in sentence
    clean = {CLEAN: calibrated.levels[CLEAN]}
    found = scorer_sentence([replace(calibrated, levels=clean), replace(at_chance, levels=clean)])
    assert "drop" not in found
    steady = _scorer(base, "loglik", levels=_without_drops(calibrated.levels))
    assert "without a significant drop" in scorer_sentence([calibrated, steady])
    assert "with a significant drop" in scorer_sentence([calibrated, steady])


def test_what_fewer_cells_do_not_show_is_no_other_verdict(base: MadeRun) -> None:
    full = _scorer(base, "calibrated")
    part = _scorer(base, "generate", levels=_fewer(full.levels), above_chance=())
    assert scorer_sentence([full, part]) == ""
    steady = replace(full, levels=_without_drops(full.levels))
    found = scorer_sentence([steady, replace(part, above_chance=full.above_chance)])
    assert "by generate it is above chance on" in found


def test_each_scorer_is_judged_by_its_own_clean_accuracy(base: MadeRun) -> None:
    wrong = base.samples.assign(scorer="generate", prediction=None, score=0.0, parsed=False)
    samples = pd.concat([base.samples, wrong], ignore_index=True)
    summary = make_summary(base.manifest, samples, base.variants)
    view = build_view([replace(base, summary=summary, samples=samples)])
    first, second = view.runs[0].scorers
    assert first.above_chance
    assert second.above_chance == ()
    assert {group.reading for group in second.levels.values()} <= {
        Reading.CLEAN,
        Reading.NOT_JUDGED,
    }
    assert second.significant == ()
    assert scorer_sentence([first, second]) in view.runs[0].caveats
    shown = render_markdown(view)
    assert "## What the scorer decides" in shown
    assert f"0 of {len(view.tasks)} tasks" in shown
    assert "The verdict depends on the scorer." in render_html(view)


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
        (["x/start", "a/one/ckpt", "a/two/ckpt"], ["x/start", "one/ckpt", "two/ckpt"]),
        (["same/one/ckpt", "same/one/ckpt"], ["base", "tuned"]),
        (["http://127.0.0.1:8080/v1"], ["http://127.0.0.1:8080/v1"]),
        (["llama.cpp:/a/b/x.gguf", "/a/b/x.gguf"], ["llama.cpp:x.gguf", "x.gguf"]),
    ],
)
def test_runs_are_called_by_what_tells_their_models_apart(
    base: MadeRun, tuned: MadeRun, models: list[str], names: list[str]
) -> None:
    runs = [base, tuned, base][: len(models)]
    found = run_names([with_model(run, name) for run, name in zip(runs, models, strict=True)])
    assert found == names


def test_runs_of_one_model_are_told_apart_by_what_differs(base: MadeRun, tuned: MadeRun) -> None:
    runs = [with_model(run, "x/y/ckpt") for run in (base, tuned, base)]
    runs[1].manifest["model"]["dtype"] = "float32"
    runs[2] = with_model(base, "x/y/other")
    assert run_names(runs) == ["ckpt (dtype bfloat16)", "ckpt (dtype float32)", "other"]
    runs[1] = with_model(tuned, "x/y/ckpt")
    assert run_names(runs) == ["ckpt (base)", "ckpt (tuned)", "other"]
    runs[1].manifest["config"]["few_shot"] = 2
    runs[0].manifest["config"]["few_shot"] = 0
    assert run_names(runs) == ["ckpt (few shot 0)", "ckpt (few shot 2)", "other"]
