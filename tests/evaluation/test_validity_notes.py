"""What many variants of a published attack are worth is said wherever its numbers are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.api.running import run
from harness.cli.app import make_app
from perturbations import Perturbation, Subject, find, validity_notes
from perturbations.diff import draft_of
from tests.evaluation.test_strengths import TASK
from tests.support.checkpoints import save_tiny_llama

SAID = "62 % of its variants were judged to ask for something else"


def test_notes_are_of_what_needs_them_once() -> None:
    names = ["keyboard", "wordnet", "counterfitted", "wordnet", "no-such", "keyboard+wordnet"]
    assert [note.partition(": ")[0] for note in validity_notes(names)] == [
        "wordnet", "counterfitted", "keyboard+wordnet",
    ]  # fmt: skip


def test_a_run_says_it_in_its_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "task": "parity",
        "level": "word",
        "perturbation": "wordnet",
        "text": "Say whether the act is 'even' or 'odd'.",
        "instruction_id": "1",
    }
    (tmp_path / "v.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    made = run(
        str(save_tiny_llama(tmp_path / "tiny")), tasks=TASK, variants=tmp_path / "v.jsonl",
        device="cpu", cache=False, scorers="loglik", out=tmp_path / "run", progress=True,
    )  # fmt: skip
    assert SAID in (made.path / "report.md").read_text("utf-8")
    assert SAID in (made.path / "report.html").read_text("utf-8")
    told = " ".join(capsys.readouterr().err.split())
    assert SAID in told


@pytest.mark.parametrize("name", ["wordnet", "counterfitted"])
def test_listing_and_showing_say_it(name: str) -> None:
    note = find(name).validity_note
    assert "were judged to ask for something else" in note
    for command in (["list", "perturbations", "--json"], ["show", name]):
        shown = CliRunner().invoke(make_app(), command)
        assert shown.exit_code == 0, shown.output
        assert " ".join(note.split()) in " ".join(shown.output.replace("│", " ").split())


def test_perturb_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    note = find("wordnet").validity_note

    def apply(subject: Subject, rng: object) -> object:
        return draft_of(subject.text, subject.text + " Again.")

    stand_in = Perturbation("wordnet", "word", "", apply, validity_note=note)  # type: ignore[arg-type]
    monkeypatch.setattr("perturbations.catalogue.find", lambda name: stand_in)
    shown = CliRunner().invoke(
        make_app(), ["perturb", "Classify the text.", "--perturbations", "wordnet"]
    )
    assert shown.exit_code == 0, shown.output
    assert SAID in " ".join(shown.output.split())
