"""Reports of free text: their metric's name, and what the model said, clean beside the worst."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api.tasks import parse_task
from harness.core.records import Example
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import prepare
from harness.prompting.readers import AnswerReader
from harness.results.rundir import Run, load_run
from harness.results.summary_file import read_summary
from reports.html import render_html
from reports.markdown import render_markdown
from reports.view import build_view
from tests.support.checkpoints import save_tiny_llama
from tests.support.kinds import answer_task

HOSTILE = "<script>alert(1)</script>" + "word " * 100


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose model says something hostile under the perturbed variant."""
    folder = tmp_path_factory.mktemp("said")
    content = answer_task(grader="token_f1")
    config = RunConfig(
        model=str(save_tiny_llama(folder / "tiny")), tasks=("free",), out=folder / "run",
        device="cpu", cache=False, full=True, perturbations=("keyboard",), scorers=("generate",),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        read = AnswerReader.read

        def answered(self: AnswerReader, text: str, example: Example) -> object:
            return read(self, example.references[0] if "0" in example.id else text, example)

        patch.setattr(AnswerReader, "read", answered)
        execute(prepare(config, specs=(parse_task(content),)), command="test")
    return load_run(folder / "run")


def test_the_metric_is_called_by_its_name(run: Run) -> None:
    summary = read_summary(run.path / "summary.json")
    assert summary.tasks["free"].metric == "token F1"
    view = build_view([run])
    assert view.metric == "token F1"
    markdown, page = render_markdown(view), render_html(view)
    assert "## Token F1 by level" in markdown
    assert "Clean token F1" in markdown
    assert "Token F1 by level" in page
    assert "Accuracy by level" not in page


def test_what_was_said_stands_clean_beside_the_worst_variant(run: Run) -> None:
    (said,) = build_view([run]).runs[0].said
    assert said.task == "free"
    assert said.variant.level == "character"
    texts = run.samples.set_index(["variant_id", "example_id"])["text"]
    for row in said.rows:
        assert row.after == texts[said.variant.id, row.example_id]
    losses = [row.score_before - row.score_after for row in said.rows]
    assert losses == sorted(losses, reverse=True)
    assert "## What the model said: free" in render_markdown(build_view([run]))


def test_what_was_said_is_escaped_and_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(path: Path, variants: list[str], examples: list[str]) -> dict[object, str]:
        return {(v, e): HOSTILE for v in variants for e in examples}

    monkeypatch.setattr("reports.said.read_texts", hostile)
    view = build_view([run])
    for page in (render_html(view), render_markdown(view)):
        assert "<script>alert" not in page
        assert "word " * 60 not in page
        assert "more characters" in page
