"""The report's numbers as one flat CSV table: a row for each group, a column for each measure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from reports.formatting import Estimate
from reports.measures_view import Group, Reading
from reports.view import ReportView, RunView
from reports.visible import one_line

_KEYS: Final = ("run", "task", "level", "perturbation", "reading")
_ESTIMATES: Final = (
    "accuracy",
    "drop",
    "pdr",
    "worst_prompt_accuracy",
    "consistency",
    "kappa",
    "correct_and_consistent",
    "instance_sensitivity",
    "flip_rate",
    "unparsed_rate",
)
_MEASURES: Final = tuple(
    field.name for field in fields(Group) if field.name not in (*_ESTIMATES, "reading")
)


def render_csv(view: ReportView) -> str:
    """One row for each run and group; an empty task or perturbation stands for all of them.

    Differences and shares are fractions, as in summary.json.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = [f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")]
    writer.writerow([*_KEYS, *columns, *_MEASURES])
    for run in view.runs:
        writer.writerows(_rows(run))
    return stream.getvalue()


def _rows(run: RunView) -> Iterator[list[str]]:
    for level, group in run.tables.levels.items():
        yield _row(run.name, "", level, "", group)
    for task in run.tables.tasks:
        for level, group in task.levels.items():
            yield _row(run.name, task.name, level, "", group)
    for row in run.tables.perturbations:
        yield _row(run.name, "", row.level, row.name, row.group)


def _row(run: str, task: str, level: str, perturbation: str, group: Group) -> list[str]:
    reading = "" if group.reading is Reading.CLEAN else group.reading.value
    cells = [_text(value) for value in (run, task, level, perturbation, reading)]
    for name in _ESTIMATES:
        estimate: Estimate | None = getattr(group, name)
        ends = (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
        cells += [_number(end) for end in ends]
    for name in _MEASURES:
        value = getattr(group, name)
        cells.append(_text(value) if isinstance(value, str) else _number(value))
    return cells


def _number(value: float | int | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(value: str) -> str:
    shown = one_line(value)
    # A spreadsheet would run such a cell as a formula.
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
