"""`harness run` as a user types it: results, resuming, replay, and every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode
from harness.core.lock import lock_folder
from harness.results.jsonfiles import Json
from tests.support.checkpoints import save_tiny_llama

SMALL = [
    "--task", "sentiment", "--limit", "6", "--instructions", "2", "--device", "cpu",
    "--scorer", "loglik",
]  # fmt: skip


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)


def small(*more: str) -> list[str]:
    """The options of a small run, those that `more` has apart."""
    pairs = zip(SMALL[::2], SMALL[1::2], strict=True)
    return [text for name, value in pairs if name not in more for text in (name, value)]


def evaluate(model: Path, out: Path, *more: str) -> int:
    own = [*small(*more), *more]
    return harness(["run", "--model", str(model), "--out", str(out), "--quiet", *own])


def read(out: Path, name: str) -> Json:
    content: Json = json.loads((out / name).read_text("utf-8"))
    return content


def test_a_run_leaves_everything_it_promises(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert evaluate(model, out) == ExitCode.OK
    summary = read(out, "summary.json")
    assert list(summary["levels"]) == ["clean", "character", "word", "sentence", "semantic"]
    wanted = {
        "accuracy", "accuracy_ci", "std_over_prompts", "drop", "pdr", "worst_prompt_accuracy",
        "consistency", "flip_rate", "unparsed_rate", "prompts", "examples", "cells",
    }  # fmt: skip
    for stats in summary["levels"].values():
        assert wanted <= set(stats)
        assert all(stats[name] > 0 for name in ("posix", "answer_entropy", "answer_consistency"))
    manifest = read(out, "run.json")
    assert manifest["status"] == "complete"
    assert manifest["tasks"]["sentiment"]["examples"] == 6
    with sqlite3.connect(out / "samples.sqlite") as db:
        cells = db.execute("SELECT count(*) FROM samples").fetchone()[0]
    assert cells == sum(stats["cells"] for stats in summary["levels"].values())
    for name in ("variants.jsonl", "report.md", "report.html"):
        assert (out / name).stat().st_size > 0


def texts_of(out: Path) -> list[str]:
    with sqlite3.connect(out / "samples.sqlite") as db:
        return [row[0] for row in db.execute("SELECT text FROM samples ORDER BY 1")]


def test_generation_settings_are_part_of_the_model(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    generating = ("--scorer", "generate", "--levels", "clean")
    assert evaluate(folder, tmp_path / "one", *generating) == ExitCode.OK
    before = texts_of(tmp_path / "one")
    settings = read(folder, "generation_config.json")
    settings["eos_token_id"] = list(range(320))  # whatever comes first ends the text
    (folder / "generation_config.json").write_text(json.dumps(settings))
    assert evaluate(folder, tmp_path / "two", *generating) == ExitCode.OK
    assert any(before)
    assert not any(texts_of(tmp_path / "two"))
    assert evaluate(folder, tmp_path / "one", *generating) == ExitCode.USAGE


def test_a_checkpoint_that_was_moved_is_the_same_model(model: Path, tmp_path: Path) -> None:
    assert evaluate(model, tmp_path / "run", "--levels", "clean") == ExitCode.OK
    moved = shutil.copytree(model, tmp_path / "elsewhere" / "under another name")
    assert evaluate(moved, tmp_path / "run", "--levels", "clean") == ExitCode.OK


def test_the_run_given_back_is_the_finished_one(model: Path, tmp_path: Path) -> None:
    import harness as api

    finished = api.run(model=str(model), tasks=("sentiment",), limit=4, out=tmp_path / "run")
    assert finished.manifest["status"] == "complete"
    assert finished.manifest["timing"]["cells"] > 0


def test_one_seed_one_result(model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert evaluate(model, tmp_path / name, "--no-cache") == ExitCode.OK
    assert evaluate(model, tmp_path / "c", "--seed", "1") == ExitCode.OK
    files = {n: (tmp_path / n / "variants.jsonl").read_bytes() for n in "abc"}
    assert files["a"] == files["b"] != files["c"]
    assert read(tmp_path / "a", "summary.json") == read(tmp_path / "b", "summary.json")


def test_cached_equals_uncached(model: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert evaluate(model, tmp_path / name, "--scorer", "all") == ExitCode.OK
    manifest = read(tmp_path / "second", "run.json")
    cells, variants = manifest["timing"]["cells"], manifest["tasks"]["sentiment"]["variants"]
    # One answer per cell for both likelihoods, a generated one, three without content per variant.
    assert manifest["timing"]["cache_hits"] == 2 * cells + 3 * variants
    assert read(tmp_path / "first", "summary.json") == read(tmp_path / "second", "summary.json")


def test_the_window_changes_nothing(model: Path, tmp_path: Path) -> None:
    assert evaluate(model, tmp_path / "one", "--no-cache", "--window", "1") == ExitCode.OK
    assert evaluate(model, tmp_path / "many", "--no-cache", "--window", "999") == ExitCode.OK
    one, many = (read(tmp_path / name, "summary.json") for name in ("one", "many"))
    # Other batches add up in another order: what likelihoods make up moves in the last digits.
    for mine, other in zip(_take_continuous(one), _take_continuous(many), strict=True):
        assert mine == (None if other is None else pytest.approx(other, abs=1e-4))
    assert one == many


CONTINUOUS = ("posix", "answer_entropy", "answer_consistency", "reliability")


def _take_continuous(block: object) -> list[Any]:
    """Takes the metrics of likelihoods, with their intervals, out of a summary: their values."""
    if isinstance(block, list):
        return [value for one in block for value in _take_continuous(one)]
    if not isinstance(block, dict):
        return []
    taken = [block.pop(key) for key in list(block) if key.startswith(CONTINUOUS)]
    own = [value for one in taken for value in _flat(one)]
    return [*own, *(value for one in block.values() for value in _take_continuous(one))]


def _flat(block: object) -> list[Any]:
    if isinstance(block, dict):
        block = list(block.values())
    return [value for one in block for value in _flat(one)] if isinstance(block, list) else [block]


def test_with_the_input_first_the_window_changes_nothing(model: Path, tmp_path: Path) -> None:
    more = ["--placement", "last", "--scorer", "calibrated", "--no-cache", "--levels", "character"]
    for share in ("0.5", "1"):  # the second share goes on with the first
        for window in ("5", "999"):
            options = [*more, "--share", share, "--window", window]
            assert evaluate(model, tmp_path / window, *options) == ExitCode.OK
        few, many = (read(tmp_path / window, "summary.json") for window in ("5", "999"))
        _take_continuous(few), _take_continuous(many)
        assert few == many


@pytest.mark.parametrize("placement", ["first", "last"])
def test_kill_and_resume(model: Path, tmp_path: Path, placement: str) -> None:
    command = [sys.executable, "-m", "harness.cli", "run", "--model", str(model), *SMALL]
    more = ["--no-cache", "--window", "1", "--placement", placement]
    command += [*more, "--out", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    store = tmp_path / "killed" / "samples.sqlite"
    _wait_for_samples(store, process, at_least=10)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    stopped_at = _count(store)
    assert read(tmp_path / "killed", "run.json")["status"] == "running"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.OK, done.stderr
    resumed = read(tmp_path / "killed", "run.json")["timing"]
    assert 0 < resumed["cells"] <= _count(store) - stopped_at + 6
    assert evaluate(model, tmp_path / "whole", *more) == ExitCode.OK
    assert read(tmp_path / "killed", "summary.json") == read(tmp_path / "whole", "summary.json")


def _wait_for_samples(store: Path, process: subprocess.Popen[bytes], *, at_least: int) -> None:
    for _ in range(1200):
        assert process.poll() is None, "the run ended before it could be killed"
        if store.is_file() and _count(store) >= at_least:
            return
        time.sleep(0.05)
    raise AssertionError("no samples were written in a minute")


def _count(store: Path) -> int:
    try:
        with sqlite3.connect(store) as db:
            total: int = db.execute("SELECT count(*) FROM samples").fetchone()[0]
            return total
    except sqlite3.OperationalError:
        return 0


def test_another_configuration_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert evaluate(model, out) == ExitCode.OK
    before = (out / "summary.json").read_bytes()
    assert evaluate(model, out, "--seed", "5") == ExitCode.USAGE
    assert "seed: 0 there, 5 now" in capsys.readouterr().err
    assert (out / "summary.json").read_bytes() == before
    assert evaluate(model, out, "--seed", "5", "--fresh") == ExitCode.OK


def test_two_runs_do_not_write_to_one_folder(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with lock_folder(tmp_path / "run"):
        assert evaluate(model, tmp_path / "run") == ExitCode.USAGE
    assert "another process is writing to" in capsys.readouterr().err
    assert not list((tmp_path / "run").iterdir())


def test_replay_scores_exactly_the_given_texts(model: Path, tmp_path: Path) -> None:
    assert evaluate(model, tmp_path / "a") == ExitCode.OK
    variants = str(tmp_path / "a" / "variants.jsonl")
    arguments = ["run", "--model", str(model), "--task", "sentiment", "--limit", "6", "--quiet"]
    arguments += ["--scorer", "loglik"]
    arguments += ["--variants", variants, "--out", str(tmp_path / "b")]
    assert harness(arguments) == ExitCode.OK
    assert (tmp_path / "b" / "variants.jsonl").read_bytes() == Path(variants).read_bytes()
    assert (
        read(tmp_path / "a", "summary.json")["levels"]
        == (read(tmp_path / "b", "summary.json")["levels"])
    )


@pytest.mark.parametrize(
    "more",
    [
        ["--scorer", "generate"],
        ["--scorer", "all"],
        ["--scorer", "generate,calibrated", "--scorer-share", "0.5"],
        ["--scorer", "calibrated"],
        ["--few-shot", "2"],
        ["--target", "input"],
        ["--target", "both"],
        ["--prompt-format", "coin"],
        ["--placement", "last", "--scorer", "all", "--few-shot", "2"],
        ["--placement", "last", "--precision", "20", "--limit", "40"],
        ["--placement", "both"],
        ["--levels", "character,semantic"],
        ["--perturbations", "keyboard,politeness"],
        ["--stack", "keyboard+politeness"],
        ["--per-perturbation", "2", "--levels", "character"],
        ["--precision", "20", "--limit", "40"],
    ],
    ids=lambda more: "-".join(more).replace("--", ""),
)
def test_every_option_runs_and_resumes(model: Path, tmp_path: Path, more: list[str]) -> None:
    out = tmp_path / "run"
    assert evaluate(model, out, *more) == ExitCode.OK
    first = read(out, "summary.json")
    assert evaluate(model, out, *more) == ExitCode.OK
    assert read(out, "summary.json") == first
    assert read(out, "run.json")["timing"]["cells"] == 0


def test_stopping_at_a_precision_saves_cells(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert evaluate(model, out, "--precision", "25", "--limit", "96") == ExitCode.OK
    decided = read(out, "run.json")["precision"]
    assert decided["cells_saved"] > 0
    for group in decided["tasks"]["sentiment"].values():
        low, high = group["interval"]
        assert group["examples"] == group["of"] or high - low <= 0.5


def test_both_scorers_stand_side_by_side(model: Path, tmp_path: Path) -> None:
    assert evaluate(model, tmp_path / "run", "--scorer", "loglik,generate") == ExitCode.OK
    assert set(read(tmp_path / "run", "summary.json")["scorers"]) == {"loglik", "generate"}


def test_dry_run_writes_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(model, tmp_path / "run", "--dry-run", "--json") == ExitCode.OK
    cost = json.loads(capsys.readouterr().out)
    assert cost["cells"] == cost["variants"] * 6
    assert cost["unique_tokens"] < cost["tokens"]
    assert not (tmp_path / "run").exists()
    low, high = cost["drops"]["half_width_range"]
    assert low < cost["drops"]["half_width"] < high
    assert evaluate(model, tmp_path / "run", "--dry-run") == ExitCode.OK
    said = " ".join(capsys.readouterr().out.split())
    assert f"in four runs of five between {100 * low:.1f} and {100 * high:.1f}" in said


def test_json_is_the_summary(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(model, tmp_path / "run", "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == read(tmp_path / "run", "summary.json")


def test_a_run_ends_with_the_reports_headline(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert harness(["run", "--model", str(model), "--out", str(out), *SMALL]) == ExitCode.OK
    headline = re.search(r"\*\*(.+)\*\*", (out / "report.md").read_text("utf-8"))
    assert headline
    shown = " ".join(capsys.readouterr().out.split())
    assert headline[1].replace("\\", "") in shown
    assert shown.index("above chance") < shown.index("Accuracy by level")


def test_prompts_are_what_the_model_saw(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(model, tmp_path / "run") == ExitCode.OK
    capsys.readouterr()
    assert harness(["prompts", str(tmp_path / "run"), "--limit", "3", "--json"]) == ExitCode.OK
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 3
    assert set(rows[0]["continuations"]) == {"negative", "positive"}
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    for row in rows:
        for label, ids in row["continuations"].items():
            assert tokenizer.decode(row["prompt_ids"] + ids) == f"{row['prompt']} {label}"


def test_export(model: Path, tmp_path: Path) -> None:
    import pandas as pd

    out = tmp_path / "run"
    assert evaluate(model, out) == ExitCode.OK
    assert harness(["export", str(out)]) == ExitCode.OK
    assert harness(["export", str(out), "--format", "parquet"]) == ExitCode.OK
    csv, parquet = pd.read_csv(out / "samples.csv"), pd.read_parquet(out / "samples.parquet")
    assert len(csv) == len(parquet) > 0
    assert set(csv.columns) == set(parquet.columns) >= {"variant_id", "scores", "instruction"}


BAD = {
    "unknown level": (["--levels", "semantics"], "Did you mean 'semantic'?"),
    "unknown task": (["--task", "sentimant"], "Did you mean 'sentiment'?"),
    "unknown suite": (["--suite", "gleu"], "Did you mean 'glue'?"),
    "unknown dtype": (["--dtype", "float23"], "Did you mean 'float32'"),
    "unknown device": (["--device", "cudda"], "Did you mean 'cuda'"),
    "unknown scorer": (["--scorer", "loglike"], "Did you mean 'loglik'?"),
    "unknown target": (["--target", "inputs"], "Did you mean 'input'?"),
    "unknown format": (["--prompt-format", "chatt"], "Did you mean 'chat'?"),
    "unknown perturbation": (["--perturbations", "keybord"], "Did you mean 'keyboard'?"),
    "unknown stack": (["--stack", "keyboard+politenes"], "politeness"),
    "unknown option": (["--levls", "all"], "--levels"),
    "chat without template": (["--prompt-format", "chat"], "--prompt-format plain"),
    "limit of nothing": (["--limit", "0"], "--limit"),
    "no number": (["--limit", "many"], "valid integer"),
    "too many shots": (["--few-shot", "99"], "--few-shot 99"),
    "missing variants": (["--variants", "none.jsonl"], "none.jsonl"),
    "missing plugin": (["--plugin", "none.py"], "none.py"),
    "a folder that is none": (["--data-dir", "none"], "--data-dir none is no folder"),
    "a task without a name": (["--task", ""], "an empty text names nothing"),
    "no data folder": (["--suite", "glue"], "--data-dir"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    options, message = BAD[name]
    assert evaluate(model, tmp_path / "run", *options) == ExitCode.USAGE
    captured = capsys.readouterr().err.strip()
    assert message in captured
    assert captured.startswith("error: ")
    assert "\n" not in captured
    assert not (tmp_path / "run").exists()


def test_prompts_are_at_least_one(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for limit in ("0", "-1"):
        assert harness(["prompts", str(model), "--limit", limit]) == ExitCode.USAGE
        assert "'--limit'" in capsys.readouterr().err


def test_an_instruction_longer_than_the_context(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = save_tiny_llama(tmp_path / "short", context=48)
    assert evaluate(short, tmp_path / "run") == ExitCode.USAGE
    assert "does not fit into the model's context of 48" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_incomplete_and_resumable(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.results import store

    opened = store.SampleStore.__init__

    def small(self: store.SampleStore, path: Path) -> None:
        opened(self, path)
        self._db.execute("PRAGMA max_page_count = 8")  # SQLite's own "disk is full"

    with monkeypatch.context() as patch:
        patch.setattr(store.SampleStore, "__init__", small)
        assert evaluate(model, tmp_path / "run", "--window", "1") == ExitCode.INCOMPLETE
    assert "resumes" in capsys.readouterr().err
    assert read(tmp_path / "run", "run.json")["status"] == "incomplete"
    assert evaluate(model, tmp_path / "run", "--window", "1") == ExitCode.OK


HEARING = (
    "import signal; from harness.cli.app import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); main()"
)
"""The command line, hearing Ctrl-C even where the tests are a shell's background job."""


def test_ctrl_c_is_resumable(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HEARING, "run", "--model", str(model), *small("--limit")]
    # Long enough that a busy machine has not finished before the signal is sent.
    command += ["--limit", "100", "--no-cache", "--window", "1", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    _wait_for_samples(tmp_path / "run" / "samples.sqlite", process, at_least=5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert b"resumes" in stderr
    assert b"Traceback" not in stderr
    assert read(tmp_path / "run", "run.json")["status"] == "incomplete"


def test_a_run_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in ("prompts", "export", "report"):
        assert harness([command, str(tmp_path / "none")]) == ExitCode.USAGE
        assert "is not a run directory" in capsys.readouterr().err
