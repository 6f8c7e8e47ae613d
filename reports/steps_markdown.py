"""Accuracy over the steps of trainings, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reports.formatting import MISSING, percent, title, with_interval
from reports.markdown_text import escape, table
from reports.view import ReportView


def step_lines(view: ReportView) -> Iterator[str]:
    """A section per training: a row for each checkpoint, a column for each level."""
    for training in view.trainings:
        yield from (f"## {title(view.metric)} over steps of {escape(training.name)}", "")
        rows = [[f"{step:,}", *_accuracies(view, position)] for step, position in training.steps]
        yield from (*table(["Step", *map(escape, view.levels)], rows, left=0), "")


def _accuracies(view: ReportView, position: int) -> Iterator[str]:
    for level in view.levels:
        group = view.runs[position].tables.levels.get(level)
        yield with_interval(group.stats.accuracy, percent) if group else MISSING
