"""A run's prompts are shown as the model saw them, or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run as harness
from harness.core.errors import UsageError
from harness.core.records import Request
from harness.evaluation.rendered_prompts import iter_prompts
from harness.models import ModelSpec, load_model
from harness.results.manifest import seal
from harness.results.rundir import load_run
from tests.support.checkpoints import save_tiny_llama
from tests.support.victims import write_task


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a task, and a run of the one on the other."""
    folder = tmp_path_factory.mktemp("rendered")
    save_tiny_llama(folder / "tiny")
    task = write_task(folder, examples=6)
    command = ["run", "--model", str(folder / "tiny"), "--task", str(task), "--levels", "word"]
    command += ["--scorer", "loglik"]
    command += ["--device", "cpu", "--no-cache", "--quiet", "--resamples", "100"]
    assert harness([*command, "--instructions", "1", "--out", str(folder / "run")]) == 0
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, Any]]:
    return list(iter_prompts(folder / "run", limit=None))


def test_every_cell_has_its_prompt(folder: Path, rows: list[dict[str, Any]]) -> None:
    run = load_run(folder / "run")
    cells = set(zip(run.samples["variant_id"], run.samples["example_id"], strict=True))
    assert {(row["variant_id"], row["example_id"]) for row in rows} == cells
    assert len(rows) == len(cells) == len(run.samples)
    texts = run.variants.set_index("id")["text"]
    for row in rows:
        number = int(row["example_id"])
        review = f"Review: a {('bad', 'good')[number % 2]} film, number {number}"
        assert row["prompt"] == f"{texts[row['variant_id']]}\n\n{review}\nSentiment:"


def test_the_tokens_shown_score_as_the_run_did(folder: Path, rows: list[dict[str, Any]]) -> None:
    model = load_model(ModelSpec(str(folder / "tiny"), device="cpu"))
    requests = [
        Request(
            tuple(row["prompt_ids"]),
            {label: tuple(ids) for label, ids in row["continuations"].items()},
        )
        for row in rows
    ]
    again = {rows[n]["variant_id"] + rows[n]["example_id"]: r for n, r in model.loglik(requests)}
    for sample in load_run(folder / "run").samples.itertuples():
        scores = again[f"{sample.variant_id}{sample.example_id}"].scores
        assert scores == pytest.approx(sample.scores, abs=1e-4)


def test_a_limit_shows_the_first_ones(folder: Path, rows: list[dict[str, Any]]) -> None:
    assert list(iter_prompts(folder / "run", limit=3)) == rows[:3]


@pytest.fixture
def moved(folder: Path, tmp_path: Path) -> Path:
    """A copy of all of it, whose run knows its copied model and task."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    manifest = json.loads((copy / "run" / "run.json").read_text("utf-8"))
    manifest["config"] |= {"model": str(copy / "tiny"), "tasks": [str(copy / "reviews.yaml")]}
    (copy / "run" / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return copy


def test_a_task_that_has_changed_is_refused(moved: Path) -> None:
    rows = moved / "reviews.jsonl"
    rows.write_text(rows.read_text("utf-8").replace("film", "play"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"its tasks have changed since it ran"):
        next(iter_prompts(moved / "run", limit=1))


def test_a_model_that_has_changed_is_refused(moved: Path) -> None:
    shutil.rmtree(moved / "tiny")
    save_tiny_llama(moved / "tiny", seed=1)
    with pytest.raises(UsageError, match="changed since it ran"):
        next(iter_prompts(moved / "run", limit=1))


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run directory"):
        next(iter_prompts(tmp_path, limit=1))


@pytest.mark.parametrize("key", ["plugins", "trust_remote_code"])
def test_code_that_a_run_names_is_not_run_unless_that_is_typed(moved: Path, key: str) -> None:
    (moved / "evil.py").write_text(f"open({str(moved / 'done')!r}, 'w')")
    path = moved / "run" / "run.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["config"][key] = [str(moved / "evil.py")] if key == "plugins" else True
    path.write_text(json.dumps(seal(manifest, moved / "run")), encoding="utf-8")
    with pytest.raises(UsageError, match="--allow-code"):
        next(iter_prompts(moved / "run", limit=1))
    assert not (moved / "done").exists()
    with contextlib.suppress(UsageError):  # a plugin that defines no perturbation
        next(iter_prompts(moved / "run", limit=1, allow_code=True))
    assert (moved / "done").exists() or key != "plugins"
