"""Every cell on its page: what travels, what stands beside a large page, and hostile text in it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from reports import html as page_module
from reports import render
from reports.cells import cells_json, task_cells
from reports.html import render_html, render_html_files, script_json
from reports.view import build_view
from tests.reports.test_html import HOSTILE, poison
from tests.support.make_run import EMPTY_SUMMARY, MadeRun, make_run

RUN = make_run(examples=20)


def _decode(text: str) -> list[int]:
    return list(base64.b64decode(text))


def test_a_cell_s_values_are_those_of_its_sample() -> None:
    (task, *_) = task_cells(RUN)
    (content, *_) = cells_json([task], 0)
    states, answers = _decode(str(content["states"])), _decode(str(content["answers"]))
    labels = content["labels"]
    assert isinstance(labels, list)
    variant, example = task.variants[5].id, task.examples[3].id
    row = RUN.samples[
        (RUN.samples["variant_id"] == variant) & (RUN.samples["example_id"] == example)
    ].iloc[0]
    cell = 5 * len(task.examples) + 3
    assert labels[answers[cell]] == row["prediction"]
    assert (states[cell] in (1, 4)) == row["correct"]
    shares = _decode(str(content["probabilities"]))
    raised = np.exp([row["scores"][label] for label in labels])
    found = shares[cell * len(labels) : (cell + 1) * len(labels)]
    assert found == pytest.approx((250 * raised / raised.sum()).tolist(), abs=0.51)


def test_cells_that_were_not_asked_have_a_state_and_no_values() -> None:
    kept = RUN.samples[RUN.samples.index % 3 != 1]
    holed = MadeRun(RUN.path, RUN.manifest, RUN.summary, RUN.variants, kept, RUN.examples)
    (task, *_) = task_cells(holed)
    (content, *_) = cells_json([task], 0)
    states = _decode(str(content["states"]))
    assert 0 < states.count(0) < len(states)
    assert len(_decode(str(content["answers"]))) == len(states) - states.count(0)
    assert "Empty cells were not asked" in render_html(build_view([holed]))
    assert "Empty cells were not asked" not in render_html(build_view([RUN]))


def test_the_least_stable_examples_stand_as_a_table() -> None:
    page = render_html(build_view([RUN]))
    table = page[page.index('class="measures unstable"') :]
    rates = re.findall(r'<td class="num">(\d+)%</td>', table)[:60:2]
    assert len(rates) == 30
    assert [int(rate) for rate in rates] == sorted(map(int, rates), reverse=True)


def test_a_run_without_cells_has_no_map() -> None:
    empty = MadeRun(RUN.path, {}, EMPTY_SUMMARY, RUN.variants, RUN.samples.head(0))
    assert 'id="cells"' not in render_html(build_view([empty]))


def test_a_large_page_leaves_its_cells_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = render([RUN], ["html"], tmp_path)["html"]
    assert not (tmp_path / "report.cells.js").exists()
    monkeypatch.setattr(page_module, "PAGE_LIMIT", 1000)
    render([RUN], ["html"], tmp_path)
    script = (tmp_path / "report.cells.js").read_text(encoding="utf-8")
    assert script.startswith('harnessCells({"runs":')
    page = whole.read_text(encoding="utf-8")
    policy = re.findall(r"script-src &#39;sha256-\S+&#39; &#39;nonce-(\S+)&#39;;", page)
    given = json.loads(re.findall(r'id="chart-data">(.*?)</script>', page)[0])["cells"]
    assert given == {"file": "report.cells.js", "nonce": policy[0]}
    monkeypatch.undo()
    render([RUN], ["html"], tmp_path)
    assert not (tmp_path / "report.cells.js").exists()


def test_the_same_run_gives_the_same_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "PAGE_LIMIT", 1000)
    first, second = (render_html_files(build_view([RUN]), "report.html") for _ in range(2))
    assert first == second
    assert len(first) == 2


def test_hostile_text_cannot_leave_the_data() -> None:
    texts = [*HOSTILE, "\u2028\u2029", "]]>", "<!--<script>", "\\u003c/script>"]
    written = script_json({"texts": texts})
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written)["texts"] == texts


def test_hostile_text_in_cells_is_made_visible() -> None:
    files = render_html_files(build_view([poison(make_run(examples=20))]), "report.html")
    for text in files.values():
        assert "\u202e" not in text
        assert "\u2028" not in text
        assert "<img src=x" not in text
