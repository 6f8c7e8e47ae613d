"""Runs on workers: the summary of a run without, whoever is killed; and what is refused."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.progress import NoProgress
from harness.evaluation.config import RunConfig, check_config
from harness.evaluation.execute import execute
from harness.evaluation.prepare import prepare
from harness.models import Model, ModelSpec, load_model
from harness.models.contract import Asked
from harness.models.loading.outline import outline_model
from harness.results.rundir import Run
from harness.workers.cluster import _explain, _try
from harness.workers.hire import hiring
from harness.workers.messages import Copy, Refused, open_model
from harness.workers.model import WorkersModel, check_copy
from harness.workers.pool import _read_opened
from harness.workers.versions import versions_here
from tests.support.paths import ROOT
from tests.support.tiny_models import make_checkpoint

pytest.importorskip("ray", reason="type: pip install 'robustness-harness[ray]'")

TASK = """\
name: films
source: {rows: [%s]}
label_field: label
input: "Film: {{ text }}"
labels: [good, bad]
instructions: ["Is the film good or bad?", "Say whether it is a good one."]
"""
ROWS = ", ".join(f"{{text: 'film {n}', label: {('good', 'bad')[n % 2]}}}" for n in range(24))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a model and a task; every process in it computes with one thread."""
    folder = tmp_path_factory.mktemp("workers")
    make_checkpoint(folder / "model", "llama", "bytes")
    (folder / "films.yaml").write_text(TASK % ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("HARNESS_CACHE_DIR", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def workers(place: Path) -> Iterator[WorkersModel]:
    """Two workers on a Ray of their own; tests may kill some."""
    with hiring(2, None) as load:
        model = load(ModelSpec(str(place / "model"), device="cpu"))
        assert isinstance(model, WorkersModel)
        yield model


OPTIONS: dict[str, Any] = {
    "levels": ("character",), "full": True, "resamples": 100, "window": 16, "device": "cpu",
    "max_new_tokens": 12,
}  # fmt: skip


def evaluate(model: Model, place: Path, out: str, **more: Any) -> Run:
    progress = more.pop("progress", None)
    config = RunConfig(
        model=str(place / "model"), tasks=(str(place / "films.yaml"),), out=place / out,
        **{"cache": False, **OPTIONS, **more},
    )  # fmt: skip
    return execute(prepare(config, load=lambda _: model), command="test", progress=progress)


def summary(run: Run) -> bytes:
    return (run.path / "summary.json").read_bytes()


@pytest.fixture(scope="module")
def alone(place: Path) -> Run:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return evaluate(load_model(ModelSpec(str(place / "model"), device="cpu")), place, "alone")
    finally:
        torch.set_num_threads(threads)


class KillsOne(NoProgress):
    """Kills a worker's process once some answers are there."""

    def __init__(self, workers: WorkersModel) -> None:
        self.workers = workers
        self.told: list[str] = []
        self.left = 60
        self.killed = False

    def advance(self, answers: int) -> None:
        self.left -= answers
        if self.left <= 0 and not self.killed:
            self.killed = True
            hired = next(one for one in self.workers._pool._workers.values() if one.copy)
            self.workers._pool.ray.kill(hired.actor)

    def note(self, text: str) -> None:
        self.told.append(text)


def test_the_summary_is_that_of_one_process_with_a_worker_killed(
    place: Path, workers: WorkersModel, alone: Run
) -> None:
    kills = KillsOne(workers)
    run = evaluate(workers, place, "killed", progress=kills)
    assert summary(run) == summary(alone)
    assert run.manifest["run_id"] == alone.manifest["run_id"]
    assert run.manifest["model"] == alone.manifest["model"]
    assert run.manifest["workers"]["lost"] == 1
    assert any("is lost" in told for told in kills.told)


def stored(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM samples").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_a_run_whose_driver_is_killed_goes_on(
    place: Path, workers: WorkersModel, alone: Run
) -> None:
    command = [
        sys.executable, "-m", "harness.cli", "run", "-m", str(place / "model"), "--workers", "1",
        "--task", str(place / "films.yaml"), "--levels", "character", "--full", "--quiet",
        "--resamples", "100", "--window", "16", "--device", "cpu", "--max-new-tokens", "12",
        "--out", str(place / "cut"),
    ]  # fmt: skip
    driver = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while not stored(place / "cut" / "samples.sqlite") and driver.poll() is None:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    kept = stored(place / "cut" / "samples.sqlite")
    assert kept > 0
    run = evaluate(workers, place, "cut", cache=True)
    assert summary(run) == summary(alone)
    assert run.manifest["timing"]["cells"] <= alone.manifest["timing"]["cells"]


def test_an_error_of_the_model_names_the_node(workers: WorkersModel) -> None:
    (request,) = workers.tokenizer.requests([Asked("word " * 2000, {"a": " a"})])
    with pytest.raises(UsageError, match=r"^on the node .*\): a prompt needs \d+ tokens"):
        list(workers.loglik([request]))


def test_another_model_or_other_software_is_refused_by_the_nodes_name(place: Path) -> None:
    outline = outline_model(ModelSpec(str(place / "model"), device="cpu"))
    opened = open_model(outline.spec, versions_here(), "n1 (10.0.0.1)")
    assert isinstance(opened, tuple)
    copy: Copy = opened[1]
    check_copy(outline, [], copy)
    other = replace(copy, info=replace(copy.info, fingerprint="0" * 32))
    with pytest.raises(UsageError, match=r"n1 \(10\.0\.0\.1\): the files of .* are not those"):
        check_copy(outline, [], other)
    with pytest.raises(UsageError, match="runs with dtype bfloat16, elsewhere with float32"):
        check_copy(outline, [copy], replace(copy, info=replace(copy.info, dtype="bfloat16")))
    refused = open_model(outline.spec, replace(versions_here(), python="3.9.1"), "n1")
    assert isinstance(refused, Refused)
    assert "python 3.9.1 here and" in refused.message
    missing = open_model(ModelSpec("/no/such/model"), versions_here(), "n1")
    assert isinstance(missing, Refused)
    assert missing.error().message.startswith("on the node n1: there is no model '/no/such/model'")
    with pytest.raises(UsageError, match="n1: the harness cannot be imported"):
        _read_opened({"where": "n1", "missing": "No module named 'harness'"})


def test_what_cannot_be_is_refused_before_anything_starts(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="is a server's model") as raised:
        check_config(RunConfig(model="openai:x", workers=2))
    assert "--concurrency" in str(raised.value.hint)
    with hiring(10**6, None) as load, pytest.raises(UsageError, match="do not fit the"):
        load(ModelSpec(str(place / "model"), device="cpu"))
    with pytest.raises(UsageError, match="is a client's address"):
        _try("ray://10.0.0.1:10001")
    with pytest.raises(UsageError, match=r"--ray 127\.0\.0\.1:9: no Ray answers .*refused"):
        _try("127.0.0.1:9")
    monkeypatch.setattr("harness.workers.cluster.ANSWERS_WITHIN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"--ray {address}: no Ray answers there within"):
            _try(address)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("RuntimeError Version mismatch: The cluster was started with: Ray: 2.9.0", "Ray: 2.9.0"),
        ("AuthenticationError Token", "wants a token"),
        ("ConnectionError Could not find any running Ray instance.", "no Ray runs on this machine"),
        ("", "the connection was given up"),
    ],
)
def test_a_failed_connection_says_why(reason: str, said: str) -> None:
    assert said in str(_explain("auto", reason))
