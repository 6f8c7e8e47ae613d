"""`harness check-task`: every problem at once, what a model would see, what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from harness.authoring.inspection import Inspection, inspect_task
from harness.authoring.preview import preview_prompts
from harness.cli.app import run as harness
from tests.support.checkpoints import save_tiny_llama

GOOD: Mapping[str, object] = {
    "name": "films",
    "source": {
        "rows": [{"id": n, "text": f"film {n}", "mood": ("good", "bad")[n % 2]} for n in range(40)]
    },
    "id_field": "id",
    "label_field": "mood",
    "input": "Review: {{ text }}",
    "answer_cue": "Mood:",
    "labels": ["good", "bad"],
    "instructions": ["Is it 'good' or 'bad'?", "Say 'good' or 'bad'.", "Choose 'bad' or 'good'."],
}


def inspected(folder: Path, changes: Mapping[str, object]) -> Inspection:
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}, sort_keys=False), encoding="utf-8")
    return inspect_task(path, data_dir=None)


def said(found: Inspection) -> list[str]:
    return [f"{one.severity}: {one.where}: {one.message}" for one in found.problems]


def test_a_sound_file_has_no_problem(tmp_path: Path) -> None:
    found = inspected(tmp_path, {})
    assert said(found) == []
    assert found.classes == {"good": 20, "bad": 20}


def test_problems_of_every_kind_are_told_at_once(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": 1, "text": "a", "mood": "good"},
        {"id": 1, "text": "b", "mood": "goood"},
        {"id": 2, "mood": "bad"},
        {"id": 3, "text": "c"},
        {"text": "d", "mood": "worse"},
    ]
    found = inspected(
        tmp_path,
        {
            "source": {"rows": rows},
            "colour": "red",
            "chance": 2,
            "instructions": ["Is it good?", "Is {text} 'good' or 'bad'?"],
            "few_shot": {"file": "shots.jsonl"},
        },
    )
    told = said(found)
    for part in (
        "unknown key 'colour'",
        "at 'chance'",
        "warning: instruction task-1: does not say 'bad'",
        "error: rows 2: a row has the label 'goood', which is not among the labels (good, bad). "
        "Did you mean 'good'?",
        "error: rows 3: the input template names the field 'text', which a row does not have",
        "error: rows 4: label_field names 'mood', which a row does not have",
        "error: rows 5: id_field names 'id', which a row does not have",
        "error: rows 1, 2: one id of field 'id', '1'",
        "error: texts: instruction 'task-2' holds the placeholder {text}",
        "error: few_shot rows: data file not found",
    ):
        assert any(part in line for line in told), f"{part}\n" + "\n".join(told)
    assert found.task is None


def test_a_row_with_two_faults_has_both(tmp_path: Path) -> None:
    found = inspected(tmp_path, {"source": {"rows": [{"id": 1, "mood": "odd"}, {"text": "a"}]}})
    assert [one.where for one in found.problems] == ["rows 1", "rows 1", "rows 2"]


def test_a_fault_of_many_rows_is_told_once(tmp_path: Path) -> None:
    found = inspected(tmp_path, {"label_field": "mod"})
    assert len(found.problems) == 1
    assert found.problems[0].where == "rows 1, 2, 3, 4, 5 and 35 more"
    assert "Did you mean 'mood'?" in found.problems[0].message


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"labels": ["good"]}, ["at least 2", "data file not found: "]),
        ({"labels": ["good"], "input": "{{ text"}, ["at least 2", "template is not valid"]),
        ({"input": None}, ["at 'input'"]),
        (
            {"labels": ["good", "bad", "fair"]},
            ["no row has the label 'fair'", "does not say 'fair'"],
        ),
        ({"instructions": ["Is it 'good' or 'bad'?"]}, ["with 1, nothing can be said"]),
    ],
)
def test_what_is_wrong_beside_a_mistake_is_still_told(
    tmp_path: Path, changes: Mapping[str, object], parts: Sequence[str]
) -> None:
    wanted = {"source": {"file": "no.csv"}} if "data file" in parts[-1] else {}
    told = "\n".join(said(inspected(tmp_path, {**changes, **wanted})))
    for part in parts:
        assert part in told


def test_data_that_look_wrong_are_warnings(tmp_path: Path) -> None:
    rows = [{"id": n, "text": "same" if n < 2 else f"film {n}", "mood": "good"} for n in range(20)]
    rows[1]["mood"] = "bad"
    told = "\n".join(said(inspected(tmp_path, {"source": {"rows": rows}})))
    assert "error" not in told
    for part in (
        "19 of 20 examples have the label 'good'",
        "1 of 20 examples repeat the input of another",
        "one input has several answers, 'good' (id 0) and 'bad' (id 1): 'Review: same'",
        "20 examples find large drops only",
    ):
        assert part in told


def test_prompts_are_shown_in_every_layout(tmp_path: Path) -> None:
    task = inspected(tmp_path, {}).task
    assert task is not None
    assert preview_prompts(task) == {
        "plain": "Is it 'good' or 'bad'?\n\nReview: film 0\nMood:",
        "coin": "Is it 'good' or 'bad'?\nReview: film 0\n\n### Response:",
        "chat": "[user]\nIs it 'good' or 'bad'?\n\nReview: film 0\n[assistant]\nMood:",
    }


def test_the_exit_code_says_whether_it_can_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(inspected(tmp_path, {}).path)
    assert harness(["check-task", path]) == 0
    assert "always answering 'good' scores 50%" in capsys.readouterr().out
    assert harness(["check-task", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == {"good": 20, "bad": 20}
    inspected(tmp_path, {"label_field": "mod"})
    assert harness(["check-task", path]) == 2
    assert "1 error, 0 warnings" in capsys.readouterr().out
    assert harness(["check-task", str(tmp_path / "tusk.yaml")]) == 2
    assert "Did you mean 'task.yaml'?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_is_asked_five_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(inspected(tmp_path, {}).path)
    save_tiny_llama(tmp_path / "tiny")
    command = ["check-task", path, "--model", str(tmp_path / "tiny"), "--device", "cpu", "--json"]
    assert harness(command) == 0
    tried = json.loads(capsys.readouterr().out)["tried"]
    assert len(tried) == 5
    assert {one["likeliest"] for one in tried} <= {"good", "bad"}
    assert all(one["said"] is not None for one in tried)
