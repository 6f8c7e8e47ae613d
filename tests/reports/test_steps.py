"""Runs of a training's checkpoints are a curve over its steps."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace

import pytest

from reports.drawings import report_charts
from reports.html import render_html
from reports.markdown import render_markdown
from reports.steps import find_trainings
from reports.view import ReportView, build_view
from tests.support.make_run import MadeRun, make_run


def of_model(run: MadeRun, name: str) -> MadeRun:
    manifest = copy.deepcopy(run.manifest)
    manifest["model"]["name"] = name
    return replace(run, manifest=manifest)


@pytest.fixture(scope="module")
def made() -> MadeRun:
    return make_run("runs/base", examples=12)


@pytest.fixture(scope="module")
def view(made: MadeRun) -> ReportView:
    names = ("base", "out/checkpoint-1000", "out/checkpoint-500")
    return build_view([of_model(made, name) for name in names])


def test_checkpoints_are_found_by_their_folders_and_ordered_by_step(made: MadeRun) -> None:
    names = (
        "org/model", "a/out/checkpoint-20", "b/out/step_7", "a/out/checkpoint-3/", "b/out/step_40",
        "c/checkpoint-9", "checkpoint-1", "global_step2", "runs/checkpoint-x",
    )  # fmt: skip
    found = find_trainings([of_model(made, name) for name in names])
    assert [(one.name, one.steps) for one in found] == [
        ("a/out", ((3, 3), (20, 1))),
        ("b/out", ((7, 2), (40, 4))),
        ("checkpoints", ((1, 6), (2, 7))),
    ]


def test_a_page_shows_accuracy_over_steps_by_level(view: ReportView) -> None:
    charts = {name: one for name, one in report_charts(view).items() if name.startswith("steps")}
    assert len(charts) == len(view.levels)
    rows = charts["steps-1"]["datasets"]["rows"]  # type: ignore[index]
    assert [row["step"] for row in rows] == [500, 1000]
    clean = view.runs[2].tables.levels["clean"].stats.accuracy
    assert clean is not None
    assert (rows[0]["value"], rows[0]["low"], rows[0]["high"]) == (
        clean.value,
        clean.low,
        clean.high,
    )
    assert rows[0]["tip"].startswith("out, step 500 · clean: accuracy ")
    page = render_html(view)
    assert 'data-chart="steps-1"' in page
    assert '<a href="#steps">' in page
    assert re.search(r'<th scope="row" class="num">1,000</th>', page)
    json.dumps(charts)


def test_markdown_has_a_row_for_each_checkpoint(view: ReportView) -> None:
    text = render_markdown(view)
    section = text[text.index("## Accuracy over steps of out") :].split("##")[1]
    assert section.index("| 500 |") < section.index("| 1,000 |")


def test_a_page_without_checkpoints_has_no_such_section(made: MadeRun) -> None:
    view = build_view([made, of_model(made, "out/checkpoint-5")])
    assert view.trainings == ()
    assert "over steps" not in render_html(view) + render_markdown(view)
