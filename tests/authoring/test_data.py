"""`harness data`: rows of the hub become the rows that tasks read; without it, one line helps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.authoring.fetch import NOTES, fetch, state_of
from harness.authoring.public_data import PublicData, find_data, public_data
from harness.cli.app import run as harness
from harness.core.errors import UnknownNameError, UsageError
from harness.tasks.rows import read_file
from tests.support.paths import DATA

HUB: dict[str, list[dict[str, Any]]] = {
    "nguha/legalbench": [{"index": "0", "text": "A clause.", "answer": "Yes", "slice": "s"}],
    "cais/mmlu": [
        {"subject": s, "question": "q", "choices": ["a", "b"], "answer": 1} for s in "xxy"
    ],
    "google/xquad": [
        {"id": "1", "context": "c", "question": "q",
         "answers": {"text": ["308"], "answer_start": [34]}}
    ],
    "openai/gsm8k": [{"question": "q", "answer": "1 + 1 = 2\n#### 1,002"}],
    "nyu-mll/glue": [{"sentence": "s", "label": 1, "idx": 0}],
}  # fmt: skip
WANTED: dict[str, list[dict[str, Any]]] = {
    "proa.test": [{"text": "A clause.", "label": "Yes", "slice": "s"}],
    "mmlu.test": [
        {"id": name, "subject": name[0], "question": "q", "choices": ["a", "b"], "answer": 1}
        for name in ("x-0", "x-1", "y-0")
    ],
    "xquad.de": [{"id": "1", "context": "c", "question": "q", "answers": ["308"]}],
    "gsm8k.test": [{"id": 0, "question": "q", "solution": "1 + 1 = 2", "answer": "1002"}],
    "sst2.dev": [{"sentence": "s", "label": 1, "idx": 0}],
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that answers with `HUB`."""
    monkeypatch.setattr("datasets.load_dataset", lambda path, config, *, split, revision: HUB[path])
    monkeypatch.setattr(
        "huggingface_hub.HfApi.dataset_info",
        lambda self, path, revision=None: SimpleNamespace(sha="abc"),
    )


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", list(WANTED))
def test_rows_become_those_that_tasks_read(tmp_path: Path, name: str) -> None:
    data = find_data(name)[0]
    assert state_of(data, tmp_path) == "missing"
    done = fetch(data, tmp_path)
    assert read_file(tmp_path / data.file) == WANTED[name]
    assert (done.rows, done.revision) == (len(WANTED[name]), "abc")
    assert state_of(data, tmp_path) == "as fetched"
    assert json.loads((tmp_path / NOTES).read_text())[data.file]["sha256"] == done.sha256
    with pytest.raises(UsageError, match="is there already"):
        fetch(data, tmp_path)
    assert fetch(data, tmp_path, force=True) == done


@pytest.mark.usefixtures("hub")
def test_a_file_that_was_edited_is_said_to_be(tmp_path: Path) -> None:
    data = find_data("gsm8k.test")[0]
    fetch(data, tmp_path)
    first = (tmp_path / data.file).read_bytes()
    other = find_data("mmlu.test")[0]
    fetch(other, tmp_path)
    (tmp_path / other.file).write_bytes(first)
    assert state_of(other, tmp_path) == "changed"
    for broken in ("[broken", "[" * 3000, '{"a": {"sha256": 3}}'):
        (tmp_path / NOTES).write_text(broken)
        assert state_of(other, tmp_path) == "there"


@pytest.mark.usefixtures("hub")
def test_a_suite_is_fetched_as_far_as_it_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness(["data", "fetch", "legal", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.count("CC BY 4.0") == 10
    assert "sha256" in out
    assert harness(["data", "fetch", "legal", "--data-dir", str(tmp_path)]) == 0
    assert "10 files were there already" in capsys.readouterr().err


def test_without_the_hub_one_line_says_what_to_put_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    assert harness(["data", "fetch", "gsm8k.test", "--data-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert f"Put its split 'test' into {tmp_path}/generation/gsm8k.test.jsonl.xz" in error
    assert "id, question, solution, answer" in error
    assert harness(["data", "fetch", "gsm8k.test"]) == 2
    assert "--data-dir FOLDER" in capsys.readouterr().err


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'legal'"):
        find_data("leagl")


def test_the_list_names_every_file_and_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness(["data", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len({row["file"] for row in rows}) == len(rows) == len(public_data())
    assert all(row["licence"] and row["state"] == "missing" for row in rows)


@pytest.mark.parametrize("data", public_data(), ids=lambda data: data.name)
@pytest.mark.skipif(not (DATA / "legal").is_dir(), reason="../shared/data is not here")
def test_the_layout_is_that_of_the_data_folder(data: PublicData) -> None:
    path = DATA / data.file
    assert path.is_file()
    if path.suffix == ".xz":
        first = read_file(path)[0]
        assert set(data.fields) <= set(first)
