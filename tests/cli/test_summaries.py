"""What ends a run in the terminal: tables that fit into 80 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.summaries import print_summary
from harness.results.rundir import load_run
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run


def test_the_tables_fit_into_80_columns_and_break_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_summary(load_run(save_run(make_run(examples=24), tmp_path / "run")))
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if line[:1] in "┏┃┡│└"]
    assert len(table) >= 9
    assert max(map(len, table)) <= 80
    body = [line for line in table if line.startswith("│")]
    assert {line.split("│")[1].strip() for line in body} >= {"clean", "character", "semantic"}
    assert all("–" in line.split("│")[3] for line in body if line.count("│") == 8)
