"""A task as an argument: its file's content, or rows in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import harness
from harness.api.tasks import parse_task, split_tasks
from harness.core.errors import UsageError
from harness.evaluation.rendered_prompts import iter_prompts
from harness.tasks import load_task, load_tasks
from tests.support.checkpoints import save_tiny_llama

FRAME = pd.DataFrame(
    {
        "text": ["A warm film.", "Dull and slow.", "Good fun.", "Bad."],
        "label": [1, 0, 1, 0],
        "stars": [4.5, np.nan, 4.0, np.nan],
    }
)
FILMS: dict[str, Any] = {
    "name": "films",
    "labels": {0: "negative", 1: "positive"},
    "instructions": "Is the review 'positive' or 'negative'?",
}


def load(content: dict[str, Any]) -> Any:
    (task,) = load_tasks(suite=None, names=(), data_dir=None, specs=[parse_task(content)])
    return task


def test_a_frame_becomes_a_task() -> None:
    task = load(harness.make_task(FRAME, **FILMS))
    assert [example.gold for example in task.examples] == ["positive", "negative"] * 2
    assert task.examples[0].input == "A warm film."
    assert task.examples[0].fields == {"text": "A warm film.", "label": 1, "stars": 4.5}
    assert "stars" not in task.examples[1].fields
    assert [instruction.text for instruction in task.instructions] == [FILMS["instructions"]]


def test_rows_and_names_are_enough() -> None:
    rows = [{"text": "A warm film.", "label": "pos"}, {"text": "Dull.", "label": "neg"}]
    task = load(
        harness.make_task(rows, name="mine", labels=["pos", "neg"], instructions=["a", "b"])
    )
    assert task.label_words == ("pos", "neg")
    assert len(task.instructions) == 2


def test_the_content_is_that_of_a_file(tmp_path: Path) -> None:
    content = harness.make_task(FRAME, **FILMS)
    path = tmp_path / "films.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    stored = load_task(path, data_dir=None)
    assert stored.examples == load(content).examples
    assert stored.instructions == load(content).instructions


def test_rows_in_a_file_are_found_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.jsonl").write_text(
        "\n".join(json.dumps(row) for row in FRAME[["text", "label"]].to_dict("records")), "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    content = {**harness.make_task(FRAME, **FILMS), "source": {"file": "rows.jsonl"}}
    assert len(load(content).examples) == 4


def test_names_files_and_contents_stand_side_by_side(tmp_path: Path) -> None:
    films = harness.make_task(FRAME, **FILMS)
    names, specs = split_tasks(["sentiment", films, tmp_path / "mine.yaml"])
    assert names == ("sentiment", "films", str(tmp_path / "mine.yaml"))
    assert [spec.name for spec in specs] == ["films"]
    assert split_tasks("a,b") == (("a", "b"), ())
    assert split_tasks(films)[0] == ("films",)
    with pytest.raises(UsageError, match="two tasks are called 'films'"):
        split_tasks([films, "films"])


def test_a_run_of_a_task_in_memory_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    model = save_tiny_llama(tmp_path / "model")
    films = harness.make_task(FRAME, **FILMS)
    first = harness.run(model, tasks=films, levels="character", out=tmp_path / "run")
    again = harness.run(model, tasks=films, levels="character", out=tmp_path / "run")
    assert again.manifest["timing"]["cells"] == 0
    assert again.summary == first.summary
    both = harness.run(model, tasks=[films, "sentiment"], levels="clean", limit=2,
                       out=tmp_path / "both")  # fmt: skip
    assert set(both.summary.tasks) == {"films", "sentiment"}
    with pytest.raises(UsageError, match="its task 'films' was in memory"):
        next(iter_prompts(both.path, limit=1))
    other = harness.make_task(FRAME.assign(text="something else"), **FILMS)
    with pytest.raises(UsageError, match="another configuration"):
        harness.run(model, tasks=other, levels="character", out=tmp_path / "run")


LOOP: list[Any] = []
LOOP.append(LOOP)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "two words"}, "the task 'two words': String should match"),
    "labels": ({"labels": ["one"]}, "at 'labels'"),
    "rows": ({"rows": ["a text"]}, "row 1 is a mapping of fields, not str"),
    "half": ({"rows": [{"text": "\ud83d", "label": 0}]}, "half a character"),
    "itself": ({"rows": [{"text": LOOP, "label": 0}]}, "hold themselves"),
    "empty": ({"rows": []}, "at 'source.rows'"),
    "same": ({"labels": {0: "yes", 1: "Yes"}}, "differs from 'yes' only by case"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_told_before_anything_runs(case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(UsageError) as raised:
        harness.make_task(**{"rows": FRAME, **FILMS, **changes})
    assert message in str(raised.value)
    assert "pydantic" not in str(raised.value)


def test_a_misspelt_key_and_a_missing_field() -> None:
    films = harness.make_task(FRAME, **FILMS)
    with pytest.raises(UsageError, match=r"unknown key 'lables'. Did you mean 'labels'"):
        harness.run("m", tasks={**films, "lables": []})
    with pytest.raises(UsageError, match=r"row 1 does not have; it has .* Did you mean 'label'"):
        load({**films, "label_field": "lable"})
