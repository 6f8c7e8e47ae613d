"""Runs in experiment trackers: the numbers are the summary's, wherever they are written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode
from harness.logs.trackers.facts import TrackedRun, metric_part, tracked_run
from harness.results.rundir import load_run
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(make_run("runs/base", examples=24), tmp_path_factory.mktemp("runs") / "base")


@pytest.fixture(scope="module")
def tracked(saved: Path) -> TrackedRun:
    return tracked_run(load_run(saved))


def test_metrics_are_the_summarys_with_their_bounds(saved: Path, tracked: TrackedRun) -> None:
    levels = json.loads((saved / "summary.json").read_text("utf-8"))["levels"]
    drop, ends = levels["word"]["drop"], levels["word"]["drop_ci"]
    found = [tracked.metrics[f"word/drop{end}"] for end in ("", "_low", "_high")]
    assert found == [drop, *ends]
    assert tracked.metrics["word/cells"] == levels["word"]["cells"]
    assert "clean/drop" not in tracked.metrics
    task = json.loads((saved / "summary.json").read_text("utf-8"))["tasks"]["topic"]
    assert tracked.metrics["task/topic/clean/accuracy"] == task["levels"]["clean"]["accuracy"]


def test_tags_say_what_was_run_and_no_path_or_key(saved: Path, tracked: TrackedRun) -> None:
    manifest = load_run(saved).manifest
    assert tracked.tags["harness.run_id"] == manifest["run_id"]
    assert tracked.tags["harness.model"] == manifest["model"]["name"]
    assert tracked.tags["harness.levels"] == "character, word, sentence, semantic"
    assert tracked.tags["harness.seed"] == str(manifest["seed"])
    assert not {"key_env", "base_url", "out", "data_dir", "command"} & set(tracked.parameters)


def test_tables_have_a_row_per_level_and_task(tracked: TrackedRun) -> None:
    levels = tracked.tables["levels"]
    assert {(row["task"], row["level"]) for row in levels} >= {("all", "word"), ("topic", "clean")}
    assert len(levels) == 5 * (1 + 4)
    assert len(tracked.tables["worst_variants"]) == 20


def test_a_tasks_name_is_one_part_of_a_metrics_name() -> None:
    assert metric_part("../a=b/c d") == "__a_b_c d"


def _log(saved: Path, tracker: str, at: str) -> None:
    pytest.importorskip(tracker, reason=f'type: pip install "robustness-harness[{tracker}]"')
    assert harness(["log", str(saved), "--to", tracker, "--at", at]) == ExitCode.OK


def test_mlflow_has_metrics_tags_tables_and_the_page(
    saved: Path, tracked: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a database keeps its artifacts
    at = f"sqlite:///{tmp_path / 'mlflow.db'}"
    _log(saved, "mlflow", at)
    _log(saved, "mlflow", at)  # again: written anew, no second run
    import mlflow

    client: Any = mlflow.MlflowClient(at)
    (experiment,) = [one for one in client.search_experiments() if one.name == "robustness"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics == pytest.approx(dict(tracked.metrics))
    assert tracked.tags.items() <= run.data.tags.items()
    assert run.data.params == dict(tracked.parameters)
    names = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert names == {"tables", "report.html"}


def test_wandb_offline_writes_a_folder_without_a_key(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    _log(saved, "wandb", str(tmp_path))
    (store,) = tmp_path.rglob("*.wandb")
    assert store.stat().st_size > 10_000
    tables = {path.name.partition("_")[0] for path in tmp_path.rglob("*.table.json")}
    assert tables == {"levels", "perturbations", "worst"}
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"k" * 40 not in path.read_bytes(), path


def test_tensorboard_has_scalars_texts_and_the_page(
    saved: Path, tracked: TrackedRun, tmp_path: Path
) -> None:
    _log(saved, "tensorboard", str(tmp_path))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (events,) = tmp_path.rglob("events.*")
    assert (events.parent / "report.html").is_file()
    accumulator: Any = EventAccumulator(os.fspath(events.parent))
    accumulator.Reload()
    tags = accumulator.Tags()
    assert set(tags["scalars"]) == {name.replace(" ", "_") for name in tracked.metrics}
    (value,) = accumulator.Scalars("word/drop_high")
    assert value.value == pytest.approx(tracked.metrics["word/drop_high"])
    assert {f"{name}/text_summary" for name in ("run", *tracked.tables)} <= set(tags["tensors"])


def test_a_tracker_that_is_none_or_away_is_one_line(
    saved: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert harness(["log", str(saved), "--to", "mlfow"]) == ExitCode.USAGE
    assert "Did you mean 'mlflow'" in capsys.readouterr().err
    pytest.importorskip("tensorboard", reason='type: pip install "robustness-harness[tensorboard]"')
    (tmp_path / "file").write_text("")
    at = str(tmp_path / "file")
    assert harness(["log", str(saved), "--to", "tensorboard", "--at", at]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "tensorboard did not take the run" in said
    assert said.count("\n") == 1
