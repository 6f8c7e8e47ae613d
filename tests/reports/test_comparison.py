"""Comparisons: their words, their rows, and their page."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.comparison import Comparison, RunData, compare, run_data
from harness.core.errors import UnknownNameError
from harness.results.quantity import Quantity
from reports import FORMATS, write_report
from reports.comparison import build_comparison, chance, points_signed
from reports.html import render_html
from reports.markdown import render_markdown
from reports.view import ReportView, build_view
from tests.support.make_run import TASKS, MadeRun, make_run

HOSTILE = "<script>document.title='pwned'</script>|\x00"


RUNS = (make_run(), make_run("runs/tuned", model="tuned", strength=0.1))


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    names = ("base", "tuned")
    return compare(
        [run_data(run, name) for run, name in zip(RUNS, names, strict=True)], resamples=200
    )


def page_of(comparison: Comparison) -> ReportView:
    """The report of the two runs with what was found between them."""
    return build_view(RUNS, comparison)


def test_the_mean_score_is_called_as_the_tasks_call_it(comparison: Comparison) -> None:
    def of_free_text(name: str, run: MadeRun) -> RunData:
        data = run_data(run, name)
        tasks = {k: {**v, "metric": "token F1"} for k, v in data.manifest["tasks"].items()}
        return replace(data, manifest={**data.manifest, "tasks": tasks})

    texts = [of_free_text("base", RUNS[0]), of_free_text("tuned", RUNS[1])]
    found = compare(texts, metrics=("accuracy", "worst_prompt_accuracy"), resamples=200)
    assert (comparison.score, found.score) == ("accuracy", "token F1")
    view = build_comparison(found)
    assert view.standing_metric == "Token F1"
    names = [table.name for table in view.pairs[0].metrics]
    assert names == ["Token F1", "Worst-variant token F1"]


def with_outcomes(comparison: Comparison, **better: str | None) -> Comparison:
    """The comparison with accuracy's winners over all tasks set by level."""
    (pair,) = comparison.pairs
    differences = tuple(
        replace(one, better=better.get(one.level))  # type: ignore[arg-type]
        if (one.metric, one.task) == ("accuracy", None)
        else one
        for one in pair.differences
    )
    return replace(comparison, pairs=(replace(pair, differences=differences),))


def with_overall(comparison: Comparison, better: str | None, value: float) -> Comparison:
    """The comparison with another finding over all perturbed levels."""
    (pair,) = comparison.pairs
    assert pair.overall is not None
    ends = (value - 0.01, value + 0.02)
    found = replace(pair.overall, better=better, value=value, interval=ends)  # type: ignore[arg-type]
    return replace(comparison, pairs=(replace(pair, overall=found),))


def test_the_headline_says_which_is_better_by_how_much_and_where_it_is_worse(
    comparison: Comparison,
) -> None:
    better = with_overall(with_outcomes(comparison), "second", 0.061)
    assert build_comparison(better).headline == (
        "tuned is 6.1 points (5.1 to 8.1) better than base over the perturbed levels, "
        "significantly worse at no level."
    )
    mixed = with_overall(with_outcomes(comparison, word="first"), "second", 0.061)
    assert build_comparison(mixed).headline.endswith("; worse at the word level.")
    worse = with_overall(with_outcomes(comparison), "first", -0.061)
    assert build_comparison(worse).headline.startswith(
        "tuned is 6.1 points (4.1 to 7.1) worse than base over the perturbed levels, "
        "significantly better at no level."
    )


def test_without_a_winner_nothing_is_claimed(comparison: Comparison) -> None:
    view = build_comparison(with_overall(with_outcomes(comparison), None, 0.001))
    assert view.headline == (
        "tuned and base do not differ significantly over the perturbed levels: +0.1 points "
        "(−0.9 to 2.1)."
    )
    assert "may be missed" in view.detail


def test_the_detail_says_at_which_levels(comparison: Comparison) -> None:
    view = build_comparison(with_outcomes(comparison, character="second", word="first"))
    assert view.detail == (
        "tuned is significantly better at the character level and worse at the word level."
    )


@pytest.mark.parametrize("others", [1, 2, 3, 4, 9])
def test_a_headline_is_one_sentence_of_at_most_25_words(others: int) -> None:
    runs = [RUNS[0]] + [
        make_run(f"runs/{n}", model=f"model-{n}", strength=0.1 + n / 10) for n in range(others)
    ]
    headline = build_view(runs).headline
    assert len(headline.split()) <= 25, headline
    assert headline.count(". ") == 0


def test_the_headline_of_three_runs_says_which_is_better_and_which_worse() -> None:
    others = [make_run(f"runs/{n}", model=n, strength=s) for n, s in (("tuned", 0.2), ("bad", 3))]
    headline = build_view([RUNS[0], *others]).headline
    assert re.fullmatch(
        r"Against SmolLM2-135M-Instruct, over the perturbed levels, tuned is better by [\d.]+ "
        r"points \([\d.]+ to [\d.]+\) and bad is worse by [\d.]+ points \([\d.]+ to [\d.]+\)\.",
        headline,
    )
    same = build_view([RUNS[0], others[0], make_run("runs/same", model="same")]).headline
    assert re.search(r"and same does not differ significantly \(−?[\d.]+ to [\d.]+\)\.$", same)


def test_over_all_levels_every_level_counts_alike(comparison: Comparison) -> None:
    """On a full grid the value is the mean of the levels' differences; the interval is its own."""
    (pair,) = comparison.pairs
    levels = ("character", "word", "sentence", "semantic")
    found = [pair.difference("accuracy", level) for level in levels]
    values = [one.value for one in found if one is not None]
    assert pair.overall is not None
    assert pair.overall.value == pytest.approx(sum(values) / 4)
    assert pair.overall.second - pair.overall.first == pytest.approx(pair.overall.value)
    assert pair.overall.p_adjusted == pair.overall.p


def test_runs_that_asked_other_questions_are_not_set_against_each_other() -> None:
    other = make_run("runs/other", model="other", tasks=TASKS[:1])
    changed = other.examples.assign(gold="other", hash="0")
    view = build_view([RUNS[0], replace(other, examples=changed)])
    assert view.compared is None
    assert view.unlike
    assert "drops most" in view.headline or "no significant drop" in view.headline


def test_rows_carry_the_comparison_s_numbers(comparison: Comparison) -> None:
    (pair,) = build_comparison(comparison).pairs
    expected = comparison.pairs[0].difference("accuracy", "character", "topic")
    row = pair.metrics[0].row("topic", "character")
    assert expected is not None
    assert row is not None
    assert row.difference == Quantity(expected.value, expected.interval)
    assert row.first + row.difference.value == pytest.approx(row.second)


def test_a_smaller_drop_is_a_gain(comparison: Comparison) -> None:
    (pair,) = build_comparison(comparison).pairs
    drops = next(table for table in pair.metrics if table.metric == "drop")
    assert all(row.gained == (row.difference.value <= 0) for row in drops.over_tasks)
    accuracy = pair.metrics[0]
    assert all(row.gained == (row.difference.value > 0) for row in accuracy.over_tasks)


def test_what_cannot_be_tested_is_said_to_be_so(comparison: Comparison) -> None:
    (pair,) = comparison.pairs
    first = replace(pair.differences[0], p_adjusted=math.nan, interval=None)
    changed = replace(pair, differences=(first, *pair.differences[1:]))
    view = page_of(replace(comparison, pairs=(changed,)))
    assert view.compared is not None
    assert view.compared.pairs[0].metrics[0].over_tasks[0].outcome == "not tested"
    assert "not tested" in render_html(view)
    assert "not tested" in render_markdown(view)


def test_several_runs_are_each_compared_and_all_ranked() -> None:
    third = make_run("runs/third", model="third", strength=0.5)
    view = build_view([*RUNS, third])
    assert view.compared is not None
    assert [(pair.second, pair.index) for pair in view.compared.pairs] == [
        ("tuned", 1),
        ("third", 2),
    ]
    page = render_html(view)
    assert page.count('id="pair-') == 4
    assert "Kendall" in page
    assert page.index('id="pair-1"') < page.index('id="levels"')


def test_files(comparison: Comparison, tmp_path: Path) -> None:
    for form in FORMATS:
        write_report(RUNS, form, tmp_path / f"new.{form}", comparison)
    assert (tmp_path / "new.md").read_text("utf-8").startswith("# Robustness of ")
    assert (tmp_path / "new.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(UnknownNameError, match="report format 'pdf'"):
        write_report(RUNS, "pdf", tmp_path / "new.pdf", comparison)


def test_hostile_names_stay_text(comparison: Comparison) -> None:
    (pair,) = comparison.pairs
    named = replace(
        comparison,
        runs=(HOSTILE, "b"),
        notes=(HOSTILE,),
        tasks=(HOSTILE, *comparison.tasks),
        pairs=(replace(pair, first=HOSTILE),),
    )
    view = page_of(named)
    page, text = render_html(view), render_markdown(view)
    assert "<script>document" not in page + text
    assert "\x00" not in page + text
    rows = [line for line in text.splitlines() if line.startswith("| Level | Outcome")]
    assert rows
    assert all(row.replace("\\|", "").count("|") == 8 for row in rows)


def test_signs_and_chances() -> None:
    assert points_signed(Quantity(0.062, None)) == "+6.2"
    assert points_signed(Quantity(-0.004, None)) == "−0.4"
    assert points_signed(Quantity(0.00001, None)) == "0.0"
    assert [chance(p) for p in (1.0, 0.5, 0.0, math.nan)] == ["> 99%", "50%", "< 1%", "–"]


def test_the_page_marks_what_compared_variants_changed(comparison: Comparison) -> None:
    assert all(not pair.marks for pair in build_comparison(comparison).pairs)
    with_variants = build_comparison(comparison, RUNS[0].variant_records)
    assert any(pair.marks for pair in with_variants.pairs)
