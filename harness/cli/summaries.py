"""What ends a run: its headline, as on the report's page, and the table by level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from harness.cli.terminal import out, printable
from harness.core.records import LEVELS

if TYPE_CHECKING:
    from harness.results.rundir import Run

_COLUMNS = ("level", "accuracy", "95 % interval", "drop", "worst prompt", "consistency", "cells")


def print_summary(run: Run) -> None:
    """Print the headline, accuracy, drop and consistency by level, and what to be careful about."""
    from reports.headline import run_detail, run_headline
    from reports.measures_view import Reading
    from reports.source import run_names
    from reports.tables import build_tables

    summary, tables, console = run.summary, build_tables(run), out()
    tones = {Reading.CLEAR_DROP: "red", Reading.CLEAR_GAIN: "green"}
    confidence = round(100 * summary.get("confidence", 0.95))
    table = Table(title="Accuracy by level", title_justify="left", header_style="bold")
    for name in _COLUMNS:
        label = name.replace("95", str(confidence))
        table.add_column(label, justify="left" if name == "level" else "right")
    for level in LEVELS:
        if level in summary["levels"]:
            tone = tones.get(tables.levels[level].reading, "")
            table.add_row(*_row(level, summary["levels"][level], tone))
    console.print(Text(printable(run_headline(run_names([run])[0], tables)), "bold"))
    if detail := run_detail(tables):
        console.print(Text(detail))
    console.print(table)
    weak = [name for name, task in summary["tasks"].items() if task.get("above_chance") is False]
    if weak:
        names = ", ".join(printable(name) for name in weak)
        console.print(
            Text(f"Not above chance when clean: {names}. A drop there says nothing.", "yellow")
        )
    for name in ("report.html", "report.md"):
        if (run.path / name).is_file():
            console.print(f"report: {run.path / name}", markup=False)


def _row(level: str, stats: dict[str, Any], tone: str) -> list[Text]:
    low, high = stats.get("accuracy_ci") or (None, None)
    drop = stats.get("drop")
    return [
        Text(level),
        Text(_points(stats["accuracy"])),
        Text(f"{_points(low)} to {_points(high)}"),
        Text("-" if level == "clean" or drop is None else f"{100 * drop:+.1f}", tone),
        Text(_points(stats.get("worst_prompt_accuracy"))),
        Text(_points(stats.get("consistency"))),
        Text(f"{stats['cells']:,}"),
    ]


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
