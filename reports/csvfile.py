"""The report's numbers as one flat CSV table: a row for each group, a column for each measure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from harness.metrics.measures import MEASURES
from harness.results.cells import protect_cell
from harness.results.quantity import Quantity
from reports.reading import GroupView, Reading
from reports.view import ReportView, RunView
from reports.visible import one_line

_KEYS: Final = ("run", "task", "level", "perturbation", "reading")
_STRENGTH: Final = "strength"
_PLAIN: Final = (
    "drop_p_adjusted",
    "drop_detectable",
    "clean_accuracy_matched",
    "accuracy_matched",
    "std_over_prompts",
    "null_spread",
    "spread_p_adjusted",
    "worst_prompt_id",
    "flips_right_wrong",
    "flips_wrong_right",
    "prompts",
    "examples",
    "cells",
    "pdr_flag",
    "intervals_over",
)


def render_csv(view: ReportView) -> str:
    """One row for each run and group; an empty task or perturbation stands for all of them.

    Columns are called as in summary.json, intervals `_low` and `_high`; differences and shares are
    fractions. Where a run has several strengths, a last column names them, empty for all together.
    """
    graded = any(run.curves.levels for run in view.runs)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    writer.writerow([*_KEYS, *columns, *_PLAIN, *([_STRENGTH] if graded else [])])
    for run in view.runs:
        for row in _rows(run):
            writer.writerow([*row, ""] if graded else row)
        writer.writerows(_graded_rows(run))
    return stream.getvalue()


def _rows(run: RunView) -> Iterator[list[str]]:
    for level, group in run.tables.levels.items():
        yield _row(run.name, "", level, "", group)
    for task in run.tables.tasks:
        for level, group in task.levels.items():
            yield _row(run.name, task.name, level, "", group)
    for row in run.tables.perturbations:
        yield _row(run.name, "", row.level, row.name, row.group)


def _graded_rows(run: RunView) -> Iterator[list[str]]:
    """A row for each level and perturbation at each strength, the strength last."""
    for curve in run.curves.levels:
        for strength, group in curve.points.items():
            yield [*_row(run.name, "", curve.name, "", group), strength]
    levels = {row.name: row.level for row in run.tables.perturbations}
    for curve in run.curves.perturbations:
        for strength, group in curve.points.items():
            level = levels.get(curve.name, "")
            yield [*_row(run.name, "", level, curve.name, group), strength]


def _row(run: str, task: str, level: str, perturbation: str, group: GroupView) -> list[str]:
    reading = "" if group.reading is Reading.CLEAN else group.reading.value
    cells = [_cell(value) for value in (run, task, level, perturbation, reading)]
    for name in MEASURES:
        quantity: Quantity | None = getattr(group.stats, name)
        ends = (quantity.value, quantity.low, quantity.high) if quantity else (None, None, None)
        cells += [_cell(end) for end in ends]
    return [*cells, *(_cell(getattr(group.stats, name)) for name in _PLAIN)]


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    return protect_cell(one_line(value))
