"""What the terminal and logs are told stays on its line, whatever the names in it hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.app import run as harness
from harness.cli.terminal import LineConsole, err, out, print_table
from harness.core.errors import ExitCode
from harness.core.progress_bar import make_progress, one_line, printable
from tests.support.foreign_logs import lm_eval_choice, save_lm_eval
from tests.support.make_run import TASKS, make_run
from tests.support.saved_runs import save_run

NASTY = "a\nb\x1b[2Jc\u2028d\u202ee\udcff"
SHOWN = r"a\nb\x1b[2Jc\u2028d\u202ee\udcff"


def test_control_characters_are_shown_and_spaces_of_any_script_are_not_touched() -> None:
    assert one_line(NASTY) == SHOWN
    assert printable(NASTY) == SHOWN.replace(r"\n", "\n")
    assert one_line("x\u00a0y\u3000z") == "x\u00a0y\u3000z"


def test_notes_lines_and_cells_stay_on_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    make_progress(silent=False).note(NASTY)
    err().print(f"run directory: {NASTY}{'/long' * 30}", markup=False)
    out().print(NASTY, markup=False)
    print_table("", ("[name]",), [(NASTY,)])
    said = capsys.readouterr()
    assert said.err == f"note: {SHOWN}\nrun directory: {SHOWN}{'/long' * 30}\n"
    assert said.out.count(SHOWN) == 2
    assert said.out.count("\n") == 1 + 5


def test_a_row_keeps_its_name_whole_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli.terminal.out", lambda: LineConsole(width=60))
    print_table("", ("model", "found"), [("smollm2-135m", "+22.2 [12.6, 31.7] " * 4)])
    print_table("", ("model", "found"), [("x" * 80, "+22.2")])
    lines = capsys.readouterr().out.splitlines()
    assert "│ smollm2-135m │ +22.2" in lines[3]
    assert max(map(len, lines)) <= 60
    assert sum(line.count("x") for line in lines) == 80


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness(["report", NASTY]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert SHOWN in said
    assert said.count("\n") == 1


def test_a_name_that_is_no_utf_8_leaves_as_it_came(tmp_path: Path) -> None:
    save_run(make_run("made", tasks=TASKS[:1], examples=8, per_perturbation=1), tmp_path / "run")
    name = b"caf\xe9.csv"
    line = [sys.executable, "-m", "harness.cli", "export", "run", "--format", "csv", "--out"]
    place = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}  # as in a locale with a language
    done = subprocess.run(
        [*map(os.fsencode, line), name], cwd=tmp_path, env=place, capture_output=True, check=True
    )
    assert done.stdout == name + b"\n"


def test_quiet_leaves_nothing_but_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    save_lm_eval(Path("logs"), {"mood": [lm_eval_choice(n, n % 2, (-1.0, -2.0)) for n in range(4)]})
    Path("history").mkdir()
    Path("history/history.sqlite").write_bytes(b"no index, which is a note")
    assert harness(["import", "logs", "--out", "runs/one", "--quiet"]) == ExitCode.OK
    assert harness(["bundle", "runs", "--out", "site", "--quiet"]) == ExitCode.OK
    assert capsys.readouterr() == ("", "")
    assert Path("site/index.html").is_file()
    assert harness(["bundle", "runs", "--out", "site", "--quiet", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["index"] == "site/index.html"
