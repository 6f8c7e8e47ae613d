"""Report sections of the user's own packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from harness.core.errors import UnknownNameError, UsageError
from reports import render
from reports.html import render_html
from reports.markdown import render_markdown
from reports.sections import SECTIONS, Section, SectionFunction, build_sections
from reports.view import build_view
from tests.support.make_run import TASKS, make_run
from tests.support.paths import ROOT

RUN = make_run(tasks=TASKS[:1], examples=8)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[[SectionFunction], None]:
    """Makes a function the section `own`, for one test."""
    monkeypatch.setattr(SECTIONS, "_things", {})
    return lambda function: SECTIONS.add("own", function)


def test_a_package_s_section_stands_in_every_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "plugin_example")
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(SECTIONS, "_things", {})
    point = EntryPoint("answer_counts", "labels:answer_counts", "harness.report_sections")
    monkeypatch.setattr(SECTIONS, "_plugins", {"answer_counts": point})
    written = render([RUN], ["html", "md"], tmp_path, ["answer_counts"])
    counts = RUN.samples["prediction"].value_counts()
    page, text = (written[form].read_text("utf-8") for form in ("html", "md"))
    assert '<a href="#own-1">Answers given</a>' in page
    assert f"<td><bdi>{counts['positive']:,}</bdi></td>" in page
    assert f"| sentiment | positive | {counts['positive']:,} |" in text
    assert text.index("## Answers given") < text.index("## What was run")
    assert "Answers given" not in render([RUN], ["md"], tmp_path)["md"].read_text("utf-8")


def test_of_several_runs_each_has_its_own_and_silence_is_nothing(
    own: Callable[[SectionFunction], None],
) -> None:
    own(lambda run: Section("T", run.path.name) if run.path.name == "b" else None)
    a, b = replace(RUN, path=Path("a")), replace(RUN, path=Path("b"))
    (section,) = build_sections(["own", "own"], [a, b], ["first", "second"])
    assert [(one.run, one.text) for one in section.tables] == [("second", "b")]
    assert build_sections(["own"], [a], ["first"]) == ()


def test_what_a_section_says_is_text_and_nothing_else(
    own: Callable[[SectionFunction], None],
) -> None:
    hostile = "<img src=x onerror=1>|`**\u202e"
    own(lambda run: Section(hostile, hostile, (hostile,), ((hostile,),)))
    view = replace(build_view([RUN]), sections=build_sections(["own"], [RUN], ["run"]))
    page, text = render_html(view), render_markdown(view)
    assert "<img src=x" not in page + text
    assert "\u202e" not in page + text
    assert page.count("&lt;img src=x") >= 4


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda run: 1 / 0, "'own' failed on runs/base: ZeroDivisionError"),
        (lambda run: "<b>", "'own' returned str"),
        (lambda run: Section("T", columns=("a", "b"), rows=[(1,)]), "row 1 has 1 values for 2"),
    ],
)
def test_a_section_that_fails_is_one_line(
    own: Callable[[SectionFunction], None], function: SectionFunction, message: str
) -> None:
    own(function)
    with pytest.raises(UsageError, match=message):
        build_sections(["own"], [RUN], ["run"])


def test_an_unknown_section_offers_the_nearest(own: Callable[[SectionFunction], None]) -> None:
    own(lambda run: None)
    with pytest.raises(UnknownNameError, match=r"unknown report section 'onw'. Did you mean 'own'"):
        build_sections(["onw"], [RUN], ["run"])


def test_a_package_that_cannot_be_loaded_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("own", "nowhere_at_all:own", "harness.report_sections")
    monkeypatch.setattr(SECTIONS, "_things", {})
    monkeypatch.setattr(SECTIONS, "_plugins", {"own": point})
    with pytest.raises(UsageError, match=r"'own' cannot be loaded: .*nowhere_at_all"):
        build_sections(["own"], [RUN], ["run"])
