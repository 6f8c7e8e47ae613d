"""Paths that the system refuses are one line, whichever command is the first to look at them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode, UsageError
from harness.tasks.rows import read_file

LONG = "y" * 5000


@pytest.mark.parametrize(
    "line",
    [
        ["run", "--model", LONG],
        ["run", "--model", "tiny", "--task", LONG],
        ["report", LONG],
        ["compare", LONG, "other"],
        ["check", "--candidate", "run", "--policy", LONG],
        ["export", LONG, "--out", "samples.csv"],
        ["prompts", LONG],
        ["init-task", LONG],
        ["import-task", LONG],
        ["baseline", "set", LONG, "--store", "store"],
        ["data", "list", "--data-dir", LONG],
        ["init-ci", LONG],
        ["pairs", "--source", "paraphrases", "--input", LONG, "--levels", "word", "--out", "p"],
    ],
    ids=lambda line: " ".join(word for word in line if word != LONG),
)
def test_a_name_that_is_too_long(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert harness(line) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "yyy" in said


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, ExitCode.USAGE),
        (errno.EIO, ExitCode.INCOMPLETE),
        (errno.ENOSPC, ExitCode.INCOMPLETE),
    ],
)
def test_a_folder_that_may_not_be_read_and_a_disk_that_fails(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> bool:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    assert harness(["report", "locked/run"]) == code
    assert capsys.readouterr().err == f"error: locked/run/run.json: {os.strerror(number)}.\n"
    with pytest.raises(UsageError, match="cannot be read"):
        read_file(Path("locked/rows.jsonl"))
