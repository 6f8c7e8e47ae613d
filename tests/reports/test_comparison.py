"""Comparisons: their words, their rows, and their page."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.comparison import Comparison, compare, run_data
from harness.core.errors import UnknownNameError
from harness.results.summary import Quantity
from reports import COMPARISON_FORMATS, write_comparison
from reports.comparison import build_comparison, chance, points_signed
from reports.comparison_markdown import render_comparison_markdown
from reports.html import render_comparison_html
from tests.support.make_run import make_run

HOSTILE = "<script>document.title='pwned'</script>|\x00"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    runs = [make_run(), make_run("runs/tuned", model="tuned", strength=0.1)]
    return compare([run_data(run) for run in runs], resamples=200)


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


def test_the_headline_says_where_the_second_run_is_better(comparison: Comparison) -> None:
    view = build_comparison(with_outcomes(comparison, character="second"))
    assert view.headline.startswith(
        "Against base, the accuracy of tuned is better at the character (+"
    )
    assert view.headline.endswith("level; elsewhere the difference is not significant.")


def test_the_headline_says_where_it_is_worse(comparison: Comparison) -> None:
    view = build_comparison(with_outcomes(comparison, character="second", word="first"))
    assert " is better at the character (" in view.headline
    assert " and worse at the word (" in view.headline


def test_without_a_winner_nothing_is_claimed(comparison: Comparison) -> None:
    view = build_comparison(with_outcomes(comparison))
    assert view.headline.startswith("tuned and base differ significantly at no level, though ")


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
    view = build_comparison(replace(comparison, pairs=(changed,)))
    assert view.pairs[0].metrics[0].over_tasks[0].outcome == "not tested"
    assert "not tested" in render_comparison_html(view)
    assert "not tested" in render_comparison_markdown(view)


def test_several_runs_are_each_compared_and_all_ranked(comparison: Comparison) -> None:
    runs = [make_run(), make_run("runs/tuned", model="tuned", strength=0.1)]
    third = make_run("runs/third", model="third", strength=0.5)
    view = build_comparison(compare([run_data(run) for run in (*runs, third)], resamples=200))
    assert [(pair.first, pair.second, pair.index) for pair in view.pairs] == [
        ("base", "tuned", 1),
        ("base", "third", 2),
    ]
    page = render_comparison_html(view)
    assert page.count('id="pair-') == 4
    assert "Kendall" in page


def test_files(comparison: Comparison, tmp_path: Path) -> None:
    for form in COMPARISON_FORMATS:
        write_comparison(comparison, form, tmp_path / f"new.{form}")
    assert (tmp_path / "new.md").read_text(encoding="utf-8").startswith("# base vs tuned")
    assert (tmp_path / "new.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(UnknownNameError, match="report format 'csv'"):
        write_comparison(comparison, "csv", tmp_path / "new.csv")


def test_hostile_names_stay_text(comparison: Comparison) -> None:
    (pair,) = comparison.pairs
    named = replace(
        comparison,
        runs=(HOSTILE, "b"),
        notes=(HOSTILE,),
        tasks=(HOSTILE, *comparison.tasks),
        pairs=(replace(pair, first=HOSTILE),),
    )
    view = build_comparison(named)
    page, text = render_comparison_html(view), render_comparison_markdown(view)
    assert "<script>document" not in page + text
    assert "\x00" not in page + text
    rows = [line for line in text.splitlines() if line.startswith("| Level | Outcome")]
    assert all(row.replace("\\|", "").count("|") == 8 for row in rows)


def test_signs_and_chances() -> None:
    assert points_signed(Quantity(0.062, None)) == "+6.2"
    assert points_signed(Quantity(-0.004, None)) == "−0.4"
    assert points_signed(Quantity(0.00001, None)) == "0.0"
    assert [chance(p) for p in (1.0, 0.5, 0.0, math.nan)] == ["> 99%", "50%", "< 1%", "–"]


def test_the_page_marks_what_compared_variants_changed(comparison: Comparison) -> None:
    without = render_comparison_html(build_comparison(comparison))
    marked = render_comparison_html(build_comparison(comparison, make_run().variant_records))
    assert 'class="variant"' not in without
    assert 'class="variant"' in marked
    assert "</ins>" in marked
