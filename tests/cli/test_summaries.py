"""What ends a run in the terminal: tables that fit into 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cli.summaries import print_summary
from harness.results.rundir import load_run
from tests.support.make_run import edit_summary, make_run
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


def test_without_colours_a_star_tells_what_is_significant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = load_run(save_run(make_run(examples=24), tmp_path / "run"))
    print_summary(run)
    said = capsys.readouterr().out
    assert "* significant; drops without it are not" in said
    rows = {line.split("│")[1].strip(): line.split("│")[4] for line in said.splitlines()
            if line.startswith("│") and line.count("│") == 8}  # fmt: skip
    for level, stats in run.summary.levels.items():
        p = stats.drop_p_adjusted
        assert ("*" in rows[level]) == (p is not None and p < 0.05)


@pytest.mark.parametrize(
    ("now", "full", "says"),
    [
        (0.093, 0.031, "--until 5 goes on from here until drops are known to within 5 points"),
        (0.32, 0.11, "--until 20 goes on from here"),
        (0.006, 0.003, "--until 0.4 goes on from here"),
        (0.034, 0.031, None),  # 3 points is less than all cells find
        (None, None, None),
    ],
)
def test_what_a_run_may_go_on_to_lies_between_what_it_has_and_what_all_cells_find(
    now: float | None,
    full: float | None,
    says: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def edit(summary: dict[str, Any]) -> None:
        summary["outlook"] = {
            "cells": 4006,
            "full_cells": 62_724,
            "drop_detectable": now,
            "drop_detectable_full": full,
            "drop_half_width": now,
            "drop_half_width_full": full,
        }

    made = edit_summary(make_run(examples=24), edit)
    print_summary(load_run(save_run(made, tmp_path / "run")))
    said = " ".join(capsys.readouterr().out.split())
    assert "--full would take about" in said
    if says is None:
        assert "--until" not in said
    else:
        assert says in said
