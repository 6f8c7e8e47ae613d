"""A run directory is checked before it is believed, and read where nothing can be written."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode, IncompleteRunError, UsageError
from harness.results.rundir import RunDirectory, load_run
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return save_run(make_run(folder / "run", examples=20), folder / "run")


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


def _edit(path: Path, **changes: object) -> None:
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def _empty_samples(run: Path) -> None:
    with closing(sqlite3.connect(run / "samples.sqlite")) as db, db:
        db.execute("DELETE FROM samples")


def _thin_out_samples(run: Path) -> None:
    with closing(sqlite3.connect(run / "samples.sqlite")) as db, db:
        db.execute("DELETE FROM samples WHERE rowid % 3 = 0")


def _flip_an_answer(run: Path) -> None:
    with closing(sqlite3.connect(run / "samples.sqlite")) as db, db:
        db.execute("UPDATE samples SET score = 1 - score WHERE rowid = 5")


def _flip_bytes(run: Path) -> None:
    content = bytearray((run / "samples.sqlite").read_bytes())
    content[5000:5100] = b"\xff" * 100
    (run / "samples.sqlite").write_bytes(content)


def _another_summary(run: Path) -> None:
    _edit(run / "summary.json", run_id="0123456789ab")


def _garbled_summary(run: Path) -> None:
    (run / "summary.json").write_bytes(b"\xff\xfe{}")


def _no_variants(run: Path) -> None:
    (run / "variants.jsonl").unlink()


def _other_example(run: Path) -> None:
    path = run / "examples.jsonl"
    path.write_text(path.read_text("utf-8").replace("Text 3", "Text 4"), encoding="utf-8")


def _edited_number(run: Path) -> None:
    _edit(run / "summary.json", levels={})


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (_empty_samples, r"samples\.sqlite holds 0 of [\d,]+ samples"),
    (_thin_out_samples, r"samples\.sqlite holds [\d,]+ of [\d,]+ samples"),
    (_flip_an_answer, r"samples\.sqlite was changed after the run had ended"),
    (_flip_bytes, r"samples\.sqlite (was changed|is damaged)"),
    (_another_summary, r"summary\.json belongs to the run 0123456789ab"),
    (_garbled_summary, r"summary\.json is damaged"),
    (_edited_number, r"summary\.json was changed"),
    (_no_variants, r"variants\.jsonl is missing"),
    (_other_example, r"examples\.jsonl was changed"),
]


def _other_model(run: Path) -> None:
    model = json.loads((run / "run.json").read_text("utf-8"))["model"]
    _edit(run / "run.json", model={**model, "name": "someone/other"})


BROKEN += [
    (_other_model, r"run\.json was changed after the run had ended"),
    (lambda run: _edit(run / "run.json", seed=3), r"run\.json was changed"),
    (lambda run: _edit(run / "run.json", samples=3), r"run\.json was changed"),
    (lambda run: _edit(run / "run.json", note="mine"), r"run\.json was changed"),
]


def test_paths_and_command_of_a_sealed_run_may_be_mended(run: Path) -> None:
    config = json.loads((run / "run.json").read_text("utf-8"))["config"]
    _edit(run / "run.json", config={**config, "model": "/moved", "out": "/x"}, command="harness")
    assert load_run(run).manifest["config"]["model"] == "/moved"
    _edit(run / "run.json", config={**config, "limit": 7})
    with pytest.raises(UsageError, match=r"run\.json was changed"):
        load_run(run)


POLICY = "rules: [{metric: accuracy, level: clean, min: 0.1}]"


def _commands(run: Path, folder: Path) -> list[list[str]]:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    out = str(folder / "out")
    return [
        ["report", str(run), "--format", "md", "--out", out],
        ["compare", str(run), str(run)],
        ["check", "--candidate", str(run), "--policy", str(policy)],
        ["export", str(run), "--out", str(folder / "samples.csv")],
    ]


@pytest.mark.parametrize(("break_it", "message"), BROKEN)
def test_what_is_not_the_runs_own_is_refused(
    run: Path, tmp_path: Path, break_it: Callable[[Path], None], message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    break_it(run)
    with pytest.raises(UsageError, match=message):
        load_run(run)
    for command in _commands(run, tmp_path):
        assert harness(command) == ExitCode.USAGE, command
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error


@pytest.mark.parametrize("status", ["running", "incomplete"])
def test_an_unfinished_run_is_refused_with_its_command(
    run: Path, tmp_path: Path, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(run / "run.json", status=status)
    with pytest.raises(IncompleteRunError, match="resumes by its own command: harness run"):
        load_run(run)
    assert len(load_run(run, partial=True).samples) > 0
    for command in _commands(run, tmp_path):
        assert harness(command) == ExitCode.INCOMPLETE, command
        assert "is not finished" in capsys.readouterr().err


def test_a_journal_beside_sealed_samples_is_not_believed(run: Path) -> None:
    with sqlite3.connect(run / "other.sqlite") as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE samples (a)")
        (run / "samples.sqlite-wal").write_bytes((run / "other.sqlite-wal").read_bytes())
    other.close()
    with pytest.raises(UsageError, match="a journal of later changes"):
        load_run(run)


TASK = {
    "labels": ["a", "b"], "label_words": ["x", "y"], "label_tokens": [1, 1], "chance": 0.5,
    "examples": 2, "example_ids": ["1", "2"], "rendered_prompt": "?",
}  # fmt: skip
MANIFESTS = [
    b"{}", b"[]", b"null", b"3", b'"x"', b"", b"{", b"\xff\xfe", b"\x00" * 10, b"[" * 100_000,
    b'{"schema_version": ' + b"1" * 5000 + b"}",
    b'{"schema_version": 2}', b'{"schema_version": 1, "status": "done"}',
]  # fmt: skip


@pytest.mark.parametrize("content", MANIFESTS)
def test_a_manifest_that_is_none_is_one_line(
    run: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "run.json").write_bytes(content)
    for command in [*_commands(run, tmp_path), ["prompts", str(run)]]:
        assert harness(command) == ExitCode.USAGE, command
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tasks", []), ("tasks", {"t": None}), ("config", None), ("model", "x"), ("run_id", 3),
        ("seed", "x"), ("samples", -1), ("files", {"summary.json": None}), ("status", None),
        ("left_out", [{"name": "x"}]), ("left_out", 3), ("files", {}),
        ("tasks", {"t": {"labels": "ab"}}), ("command", 1),
        ("tasks", {"t": {**TASK, "label_words": ["a"]}}),
        ("tasks", {"t": {**TASK, "example_ids": ["1"]}}),
        ("tasks", {"t": {**TASK, "label_tokens": [1]}}),
        ("design", None),
        ("design", {"share": 0.0}),
        ("timing", None),
        ("timing", {"cells": 3}),
    ],
)  # fmt: skip
def test_parts_of_wrong_types_are_named(run: Path, key: str, value: object) -> None:
    _edit(run / "run.json", **{key: value})
    with pytest.raises((UsageError, IncompleteRunError)) as caught:
        load_run(run)
    assert "\n" not in str(caught.value)


def test_chance_must_be_a_share(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text("utf-8"))
    for chance in (float("nan"), 2, "0.5x"):
        manifest["tasks"]["topic"]["chance"] = chance
        (run / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(UsageError, match=r"tasks\.topic\.chance"):
            load_run(run)


def test_one_variant_id_in_two_tasks_is_refused(run: Path) -> None:
    _edit(run / "run.json", status="incomplete")
    rows = [json.loads(line) for line in (run / "variants.jsonl").read_text("utf-8").splitlines()]
    rows[-1]["id"] = rows[0]["id"]
    (run / "variants.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    with pytest.raises(UsageError, match="stands in two tasks"):
        _ = load_run(run, partial=True).variants


@pytest.mark.parametrize("line", [b"\xff\n", b"[1]\n", b"{\n", b'{"id": 3}\n', b"[" * 90_000])
def test_a_damaged_line_is_named(run: Path, line: bytes) -> None:
    _edit(run / "run.json", status="incomplete")
    for name in ("variants", "examples"):
        path = run / f"{name}.jsonl"
        path.write_bytes(line + path.read_bytes())
        with pytest.raises(UsageError, match="line 1"):
            getattr(load_run(run, partial=True), name)


def test_reading_leaves_nothing_beside_the_store(run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.iterdir()}
    for command in _commands(run, tmp_path):
        assert harness(command) == ExitCode.OK, command
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_a_killed_runs_journal_is_read_where_nothing_can_be_written(
    run: Path, tmp_path: Path
) -> None:
    store = run / "samples.sqlite"
    copy = tmp_path / "copy"
    with closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("DELETE FROM samples WHERE rowid > 7")
        db.commit()
        shutil.copytree(run, copy)  # as a kill leaves it: the journal holds the deletion
    (copy / "samples.sqlite-shm").unlink(missing_ok=True)
    (copy / "samples.sqlite-shm").mkdir()  # SQLite cannot share the journal, as on a read-only disk
    _edit(copy / "run.json", status="running")
    assert len(load_run(copy, partial=True).samples) == 7


def test_samples_changed_since_are_not_built_on(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text("utf-8"))
    _flip_an_answer(run)
    with pytest.raises(UsageError, match="--fresh"):
        RunDirectory(run).open(manifest, fresh=False)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"\xff", b'{"identity": 3}'])
def test_a_damaged_manifest_is_refused_and_started_over_by_fresh(run: Path, content: bytes) -> None:
    manifest = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_bytes(content)
    with pytest.raises(UsageError):
        RunDirectory(run).open(manifest, fresh=False)
    RunDirectory(run).open(manifest, fresh=True)
    assert [path.name for path in run.iterdir()] == ["run.json"]


def test_a_folder_of_runs_names_the_runs_in_it(tmp_path: Path) -> None:
    for name in ("b", "a", "c", "d"):
        (tmp_path / "all" / name).mkdir(parents=True)
        (tmp_path / "all" / name / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_run(tmp_path / "all")
    runs = " ".join(str(tmp_path / "all" / name) for name in "abc")
    assert str(refused.value).endswith(f"given one by one: {runs} and 1 more")
