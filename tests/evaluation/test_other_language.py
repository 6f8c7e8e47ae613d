"""A task in another language: it runs, says what its levels lack, and its report can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml
from typer.testing import CliRunner

from harness.api.running import run
from harness.cli.app import make_app
from harness.core.records import LeftOut, LeftOutReason
from harness.evaluation.selection import describe_left_out
from harness.results.rundir import load_run
from reports import render
from reports.left_out import reason_of
from tests.support.checkpoints import save_tiny_llama

TASK = {
    "name": "avis",
    "labels": ["positif", "négatif"],
    "label_field": "label",
    "input": "Avis : {{ text }}",
    "answer_cue": "Sentiment :",
    "instructions": [
        "Lisez cet avis et dites s'il est positif ou négatif. Répondez par un seul mot."
    ],
    "source": {
        "rows": [
            {"text": f"Un film numéro {number}.", "label": ("positif", "négatif")[number % 2]}
            for number in range(6)
        ]
    },
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


def test_a_finished_run_in_another_language_is_read_and_reported(
    model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "avis.yaml"
    file.write_text(yaml.safe_dump(TASK, allow_unicode=True), encoding="utf-8")
    out = tmp_path / "run"
    run(str(model), tasks=str(file), device="cpu", cache=False, scorers="loglik", out=out)
    again = load_run(out)
    assert {one.reason for one in again.left_out} == {"language"}
    render([again], ["md"], tmp_path / "again")
    page = (tmp_path / "again" / "report.md").read_text("utf-8")
    assert "written in another language" in page


@pytest.mark.parametrize("reason", get_args(LeftOutReason))
def test_every_reason_has_words(reason: LeftOutReason) -> None:
    one = LeftOut("synonym", "word", reason, "lemminflect")
    assert "lemminflect" in reason_of(one)
    (sentence,) = describe_left_out([one])
    assert "lemminflect" in sentence


def test_perturb_says_what_a_language_leaves_out() -> None:
    text = "Entscheide, ob die Rezension gut oder schlecht ist, und antworte mit einem Wort."
    shown = CliRunner().invoke(make_app(), ["perturb", text, "--json"])
    assert shown.exit_code == 0, shown.output
    assert {row["perturbation"] for row in json.loads(shown.stdout)} >= {"keyboard", "word-order"}
    told = " ".join(shown.stderr.split())
    assert "level word lacks" in told
    assert "they are made for English, and an instruction is written in another language" in told
    english = CliRunner().invoke(
        make_app(), ["perturb", "Decide whether the review is good.", "--json"]
    )
    assert "another language" not in english.stderr
