"""The words that stand first in a report: what they claim, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reports.html import render_html
from reports.reading import Reading
from reports.view import ReportView, build_view
from tests.support.make_run import TASKS, MadeRun, edit_summary, make_run, make_summary


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

    def edit(summary: dict[str, Any]) -> None:
        for level, drop in drops.items():
            stats = summary["levels"][level]
            stats["drop"], stats["drop_ci"] = (drop[0], list(drop[1:])) if drop else (None, None)
            stats["drop_p_adjusted"] = 0.5 if drop and drop[1] <= 0 <= drop[2] else 0.001
            stats["clean_accuracy_matched"] = 0.8
            stats["accuracy_matched"] = 0.8 - drop[0] if drop else None

    return edit_summary(run, edit)


QUIET = {"word": (0, -0.1, 0.1), "sentence": (0, -0.1, 0.1), "semantic": (0, -0.1, 0.1)}


def with_instructions(run: MadeRun, p: float | None) -> MadeRun:
    """The run with clean instructions of 73 to 91 % whose spread has that p value."""
    found = {"worst_prompt_accuracy": 0.73, "best_prompt_accuracy": 0.91, "spread": 0.18}

    def edit(summary: dict[str, Any]) -> None:
        summary["levels"]["clean"].update(found, null_spread=0.089, spread_p_adjusted=p)

    return edit_summary(run, edit)


DIFFER = (
    "The spread of a task's clean instructions is 18.0 points (73.0% to 91.0%), "
    "where 8.9 are expected under H0."
)


def test_a_significant_drop_leads_the_headline(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (0.114, 0.072, 0.156)})
    view = build_view([with_instructions(run, None)])
    assert view.headline == (
        "Character-level perturbations cause a statistically significant drop for "
        "SmolLM2-135M-Instruct: accuracy falls from 80.0% to 68.6%, 11.4 points (7.2 to 15.6)."
    )
    assert view.detail == "No significant drop at the word, sentence and semantic levels."


def test_without_a_significant_drop_none_is_claimed(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (0.03, -0.01, 0.07)})
    assert build_view([with_instructions(run, None)]).headline == (
        "No level causes a statistically significant drop for SmolLM2-135M-Instruct: "
        "the largest is 3.0 points (−1.0 to 7.0) at the character level."
    )


@pytest.mark.parametrize("drop", [-0.008, 0.0, 0.0004])
def test_where_no_level_is_below_clean_no_largest_drop_is_named(base: MadeRun, drop: float) -> None:
    none = dict.fromkeys(("character", "word", "sentence", "semantic"), (drop, -0.1, 0.1))
    view = build_view([with_instructions(with_levels(base, **none), None)])
    assert view.headline == (
        "No level causes a statistically significant drop for SmolLM2-135M-Instruct: "
        "no level's accuracy is below clean accuracy."
    )
    assert view.runs[0].largest_drop is None
    assert "no level is below clean accuracy" in render_html(view)


def test_instructions_that_differ_are_told_where_no_level_does_harm(base: MadeRun) -> None:
    quiet = with_levels(base, **{**QUIET, "character": (0.03, -0.01, 0.07)})
    view = build_view([with_instructions(quiet, 0.0004)])
    assert view.headline == (
        "No level causes a statistically significant drop for SmolLM2-135M-Instruct, "
        "but the clean instructions of a task differ by 18.0 points."
    )
    assert view.detail == (
        f"The largest drop is 3.0 points (−1.0 to 7.0) at the character level. {DIFFER}"
    )


def test_instructions_that_differ_are_told_beside_a_significant_drop(base: MadeRun) -> None:
    harmed = with_levels(base, **{**QUIET, "character": (0.114, 0.072, 0.156)})
    detail = build_view([with_instructions(harmed, 0.0004)]).detail
    assert detail == f"No significant drop at the word, sentence and semantic levels. {DIFFER}"


@pytest.mark.parametrize("p", [0.2, None])
def test_instructions_that_may_be_alike_are_not_said_to_differ(
    base: MadeRun, tuned: MadeRun, p: float | None
) -> None:
    runs = [with_instructions(run, p) for run in (base, tuned)]
    assert "instruction" not in build_view(runs[:1]).headline + build_view(runs[:1]).detail
    assert "by instruction" not in build_view(runs).detail


def test_several_runs_say_how_far_their_instructions_differ(base: MadeRun, tuned: MadeRun) -> None:
    view = build_view([with_instructions(base, 0.0004), with_instructions(tuned, 0.2)])
    said = "; the clean instructions of a task differ by 18.0 points for SmolLM2-135M-Instruct."
    assert said in view.detail
    assert view.detail.count("(73.0% to 91.0% by instruction)") == 1


def test_a_clean_only_run_says_how_far_its_instructions_differ(base: MadeRun) -> None:
    run = with_instructions(base, 0.0004)
    levels = {"clean": run.summary.levels["clean"]}
    view = build_view([replace(run, summary=replace(run.summary, levels=levels))])
    assert "nothing was perturbed" in view.headline
    assert view.detail == DIFFER


def test_a_model_that_guesses_is_not_called_robust(base: MadeRun) -> None:
    def edit(summary: dict[str, Any]) -> None:
        for task in summary["tasks"].values():
            task["above_chance"] = False

    view = build_view([edit_summary(base, edit)])
    assert "is not significantly above chance" in view.headline
    assert view.detail == ""
    readings = {group.reading for group in view.runs[0].tables.levels.values()}
    assert readings == {Reading.CLEAN, Reading.NOT_JUDGED}


def test_a_clean_only_run_says_so(base: MadeRun) -> None:
    summary = replace(base.summary, levels={"clean": base.summary.levels["clean"]})
    assert "nothing was perturbed" in build_view([replace(base, summary=summary)]).headline


def test_a_significant_gain_is_told(base: MadeRun) -> None:
    run = with_levels(base, **{**QUIET, "character": (-0.05, -0.08, -0.02)})
    view = build_view([run])
    assert view.runs[0].tables.levels["character"].reading is Reading.GAIN
    assert "significantly above clean accuracy at the character level." in view.detail


def test_a_drop_without_a_test_is_not_called_significant(base: MadeRun) -> None:
    def edit(summary: dict[str, Any]) -> None:
        summary["levels"]["character"].update(drop_ci=None, drop_p_adjusted=None)

    quiet = with_levels(base, **QUIET, character=(0.3, 0.2, 0.4))
    view = build_view([edit_summary(quiet, edit)])
    assert view.runs[0].tables.levels["character"].reading is Reading.NOT_TESTED
    assert "drops most at the character level, 30.0 points, untested" in view.headline


def test_tasks_that_are_not_above_chance_are_a_caveat(view: ReportView) -> None:
    assert any(
        "acceptability clean accuracy is not significantly above" in caveat.sentence
        for caveat in view.caveats
    )
    task = view.runs[0].task("acceptability")
    assert task is not None
    assert task.levels["character"].reading is Reading.NOT_JUDGED


def test_unparsed_answers_and_an_unfinished_run_are_caveats(base: MadeRun) -> None:
    def edit(summary: dict[str, Any]) -> None:
        summary["levels"]["word"].update(unparsed_rate=0.12, unparsed_rate_ci=[0.1, 0.2])

    manifest = {**base.manifest, "status": "incomplete", "notes": ["A note of the run."]}
    sentences = " ".join(
        caveat.sentence
        for caveat in build_view([replace(edit_summary(base, edit), manifest=manifest)]).caveats
    )
    assert "Up to 12.0% of a level's answers are unparsed" in sentences
    assert "The run is incomplete" in sentences
    assert "A note of the run." in sentences


def test_caveats_of_several_runs_are_said_once(base: MadeRun, tuned: MadeRun) -> None:
    view = build_view([base, tuned])
    shared = [caveat for caveat in view.caveats if "above chance" in caveat.sentence]
    assert [caveat.runs for caveat in shared] == [(0, 1)]


def test_several_runs_have_a_clause_each(base: MadeRun, tuned: MadeRun) -> None:
    view = build_view([base, tuned])
    assert view.headline.startswith("tuned is ")
    assert "Drops: SmolLM2-135M-Instruct drops" in view.detail
    assert "; tuned " in view.detail
    assert " Clean accuracy: " in view.detail


def test_a_drop_whose_interval_alone_leaves_out_zero_is_not_significant(base: MadeRun) -> None:
    steady = (0.0, -0.02, 0.02)
    run = with_levels(base, **{**QUIET, "character": steady, "word": (0.03, 0.001, 0.059)})

    def edit(summary: dict[str, Any]) -> None:
        summary["levels"]["word"]["drop_p_adjusted"] = 0.19

    view = build_view([with_instructions(edit_summary(run, edit), None)])
    assert view.runs[0].tables.levels["word"].reading is Reading.NOT_SIGNIFICANT
    assert view.headline.startswith("No level causes a statistically significant drop")


def test_runs_that_hold_share_a_clause(base: MadeRun, tuned: MadeRun) -> None:
    noise = dict.fromkeys(("character", "word", "sentence", "semantic"), (0.01, -0.02, 0.04))
    alike = [with_instructions(run, None) for run in (base, tuned)]
    steady = [with_levels(run, **noise) for run in alike]
    names = ["SmolLM2-135M-Instruct", "tuned"]
    assert (
        f"Drops: {names[0]} and {names[1]} have no significant drop (largest: 1.0 points and 1.0 "
        "points)."
    ) in build_view(steady).detail
    mixed = build_view([alike[0], steady[1]]).detail
    assert f"{names[0]} drops most at the character level, by 11.4 points; tuned" in mixed
    assert "tuned has no significant drop (largest: 1.0 points)." in mixed


def always(run: MadeRun, label: str) -> MadeRun:
    """The run of a model that gives one answer to every example of its task."""
    samples = run.samples.assign(prediction=label)
    samples["score"] = (samples["gold"] == label) * 1.0
    return replace(run, samples=samples, summary=make_summary(run.manifest, samples, run.variants))


def test_a_constant_model_on_unbalanced_data_is_not_called_robust() -> None:
    run = make_run(tasks=TASKS[:1])
    samples = run.samples
    rare = samples["example_id"].astype(int) < 6
    unbalanced = samples.assign(gold="positive").mask(rare, samples.assign(gold="negative"))
    constant = always(replace(run, samples=unbalanced), "positive")
    view = build_view([constant])
    assert view.headline.startswith(
        "SmolLM2-135M-Instruct is not significantly above chance on clean instructions"
    )
    assert next(caveat.sentence for caveat in view.caveats) == (
        "The most frequent label makes up 100.0% of the clean answers on sentiment "
        "(of the gold labels 90.0%)."
    )
    assert "90.0%" in render_html(view)


def test_a_model_that_uses_its_labels_is_not_said_to_be_constant(base: MadeRun) -> None:
    good = [task for task in TASKS if task.name in ("sentiment", "topic")]
    view = build_view([make_run("runs/good", tasks=tuple(good))])
    assert not any("most frequent" in caveat.sentence for caveat in view.caveats)


def with_outlook(run: MadeRun, now: float | None, full: float | None) -> MadeRun:
    """The run as one that asked 4,006 of 62,724 cells."""
    found = {"drop_detectable": now, "drop_detectable_full": full}
    widths = {"drop_half_width": now, "drop_half_width_full": full}

    def edit(summary: dict[str, Any]) -> None:
        summary["outlook"] = {"cells": 4006, "full_cells": 62_724, **found, **widths}

    return edit_summary(run, edit)


def test_a_part_of_the_grid_says_what_it_finds_and_what_the_whole_would(base: MadeRun) -> None:
    detail = build_view([with_outlook(base, 0.0594, 0.0171)]).detail
    assert detail.endswith(
        "4,006 of 62,724 cells were asked: drops of 5.9 points are found four times in five; "
        "--full would find drops of about 1.7 points."
    )
    unknown = build_view([with_outlook(base, None, None)]).detail
    assert unknown.endswith("4,006 of 62,724 cells were asked; --full asks all.")
    assert "cells were asked" not in build_view([base]).detail
