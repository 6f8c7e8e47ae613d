"""`harness history` as it is typed."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode


def test_the_terminal_lists_runs_trends_and_change_points(
    made_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness(["history", str(made_runs), "--limit", "2"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "5 runs (5 finished)" in shown
    assert "The latest 2 of 5 finished runs" in shown
    assert "2026-11-03 12:00 nightly, word: " in shown
    assert "clean: " not in shown
    # The folder is remembered.
    assert harness(["history", "--model", "other"]) == ExitCode.OK
    assert "1 run (1 finished)" in capsys.readouterr().out


def test_json_says_all_of_it(made_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["history", str(made_runs), "--model", "nightly", "--levels", "word", "--json"]
    assert harness(arguments) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert {run["state"] for run in found["runs"]} == {"finished"}
    (trend,) = found["trends"]
    assert [bool(p["change"] and p["change"]["significant"]) for p in trend["points"]] == [
        False, False, True, False,
    ]  # fmt: skip
    assert trend["overall"]["significant"]


def test_tables_hold_the_same(
    made_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for ending in ("csv", "jsonl", "parquet"):
        out = tmp_path / f"table.{ending}"
        assert harness(["history", str(made_runs), "--out", str(out)]) == ExitCode.OK
        assert capsys.readouterr().out.strip() == str(out)
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        cells = list(csv.DictReader(stream))
    lines = [json.loads(line) for line in (tmp_path / "table.jsonl").read_text().splitlines()]
    rows = pq.read_table(tmp_path / "table.parquet").to_pylist()
    assert rows == lines
    assert len(rows) == 5 * 3 * 5  # runs; both tasks and their mean; levels
    assert [float(row["value"]) for row in cells] == [row["value"] for row in rows]
    assert {row["task"] for row in rows} == {None, "sentiment", "topic"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "nightli"], ExitCode.USAGE, "Did you mean 'nightly'?"),
        (["--since", "soon"], ExitCode.USAGE, "--since 2026-11-01"),
        (["--since", "2030-01-01"], ExitCode.NOTHING_TO_EVALUATE, "none of them is asked for"),
        (["--metric", "drops"], ExitCode.USAGE, "Did you mean 'drop'?"),
        (["--out", "table.xlsx"], ExitCode.USAGE, ".csv, .jsonl, .parquet"),
        (["--out", "/nowhere/table.csv"], ExitCode.USAGE, "cannot be written"),
    ],
)
def test_wrong_input_is_one_line(
    made_runs: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert harness(["history", str(made_runs), *arguments]) == code
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1


def test_a_folder_that_is_not_there_offers_the_nearest(
    made_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness(["history", str(made_runs.parent / "rnus")]) == ExitCode.USAGE
    assert "is not there. Did you mean 'runs'?" in capsys.readouterr().err
    (tmp_path / "runs").mkdir()
    (tmp_path / "rnus").touch()
    assert harness(["history", str(tmp_path / "rnus")]) == ExitCode.USAGE
    assert "rnus is no folder. Did you mean 'runs'?" in capsys.readouterr().err


def test_an_empty_folder_and_forgetting(
    tmp_path: Path, made_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness(["history", str(tmp_path)]) == ExitCode.NOTHING_TO_EVALUATE
    assert harness(["history", str(tmp_path), "--forget"]) == ExitCode.OK
    assert harness(["history"]) == ExitCode.USAGE
    assert "Type: harness history runs" in capsys.readouterr().err


def test_hostile_names_drive_no_terminal_and_no_spreadsheet(
    tmp_path: Path, made_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    manifest = json.loads((runs / "one" / "run.json").read_text("utf-8"))
    manifest["model"]["name"] = '=cmd("x")\x1b[31m[bold]'
    manifest["status"] = "incomplete"
    (runs / "one" / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.copytree(made_runs / "day-2", runs / "[red]two\x1b[0m")
    assert harness(["history", str(runs)]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "\x1b[0m" not in shown
    assert "[red]two" in shown.replace("\n", "")
