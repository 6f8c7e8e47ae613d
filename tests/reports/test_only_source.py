"""Reports compute no number: whatever a page prints stands in summary.json."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest

from harness.results.summary import Summary
from reports import formatting
from reports.csvfile import render_csv
from reports.html import render_html
from reports.markdown import render_markdown
from reports.view import build_view
from tests.support.make_run import MadeRun, make_run

NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?%?")
DIGITS = (0, 1, 2)


@pytest.fixture(scope="module")
def run() -> MadeRun:
    return make_run()


def numbers(value: object) -> Iterator[float]:
    """Every number in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def written(summary: Summary) -> set[str]:
    """Every way in which a report may write a number of a summary."""
    forms: set[str] = set()
    for value in numbers(summary.to_json()):
        forms |= {formatting.percent(value, digits) for digits in DIGITS}
        forms |= {formatting.points(value, digits) for digits in DIGITS}
        forms |= {formatting.number(value, digits) for digits in DIGITS}
        forms |= {formatting.p_value(value), f"{value:,}", "0.001"}
    return forms


def told(cells: Iterator[str]) -> set[str]:
    """The numbers in cells, without those of names such as task-1."""
    return {found for cell in cells for found in NUMBER.findall(re.sub(r"[a-z]+-\d", "", cell))}


def markdown_cells(text: str) -> Iterator[str]:
    """The cells of every table but the last one, which says what was run."""
    for line in text.split("## What was run", maxsplit=1)[0].splitlines():
        if line.startswith("| ") and "--" not in line:
            yield from (cell for cell in line.split("|") if "'" not in cell)


def html_cells(page: str) -> Iterator[str]:
    """The cards' values, and the cells of numbers of every table."""
    cards = re.findall(r"<dd>(.*?)</dd>", page.split('id="levels"', maxsplit=1)[0], flags=re.DOTALL)
    cells = re.findall(r'<td class="num[^"]*"[^>]*>(.*?)</td>', page, flags=re.DOTALL)
    for cell in (*cards, *cells):
        yield unescape(re.sub(r"<[^>]+>", " ", cell))


def test_every_number_of_the_markdown_is_the_summary_s(run: MadeRun) -> None:
    found = told(markdown_cells(render_markdown(build_view([run]))))
    assert len(found) > 60
    assert found <= written(run.summary)


def test_every_number_of_the_page_is_the_summary_s(run: MadeRun) -> None:
    found = told(html_cells(render_html(build_view([run]))))
    assert len(found) > 300
    assert found <= written(run.summary)


def test_every_number_of_the_headline_and_caveats_is_the_summary_s(run: MadeRun) -> None:
    view = build_view([run])
    sentences = (view.headline, view.detail, *(caveat.sentence for caveat in view.caveats))
    found = told(sentence.replace(run.manifest["model"]["name"], "") for sentence in sentences)
    assert len(found) > 5
    assert found <= written(run.summary)


def test_every_number_of_the_csv_is_the_summary_s(run: MadeRun) -> None:
    rows = csv.DictReader(io.StringIO(render_csv(build_view([run]))))
    allowed = {f"{value:.6g}" for value in numbers(run.summary.to_json())}
    for row in rows:
        for name, value in row.items():
            if name not in ("run", "worst_prompt_id") and re.fullmatch(r"-?[\d.e-]+", value):
                assert f"{float(value):.6g}" in allowed, name


def test_the_detectable_drop_is_the_summary_s(run: MadeRun) -> None:
    word = replace(run.summary.levels["word"], drop_detectable=0.4321)
    summary = replace(run.summary, levels={**run.summary.levels, "word": word})
    view = build_view([replace(run, summary=summary)])
    assert "a drop under about 43.2 points" in " ".join(one.sentence for one in view.caveats)
    assert '<td class="num">43.2</td>' in render_html(view)
