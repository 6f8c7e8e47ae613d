"""What the terminal shows: progress to stderr, tables to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text


def out() -> Console:
    """The console of results."""
    # A pipe or a file has no width of its own; 80 columns would fold most tables.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def err() -> Console:
    """The console of progress and notes."""
    return Console(stderr=True, highlight=False)


def print_json(content: object) -> None:
    """Write JSON to stdout, for programs."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a plain table to stdout; nothing in it is read as markup."""
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    out().print(table)


def printable(text: str) -> str:
    """The text without control characters: a model's output must not drive the terminal."""
    return "".join(
        c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f} cells/s" if speed else "- cells/s", style="cyan")


class TerminalProgress:
    """Cells, cells a second, time left, and the task and level at work."""

    def __init__(self) -> None:
        self._console = err()
        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=False,
        )
        self._started = False

    def start(self, total: int) -> None:
        """Show the bar."""
        self._bar.start()
        self._started = True
        self._bar.add_task("starting", total=total)

    def doing(self, task: str, level: str) -> None:
        """Name what is at work."""
        self._bar.update(self._bar.task_ids[0], description=f"{printable(task)} · {level}")

    def advance(self, answers: int) -> None:
        """Move the bar."""
        self._bar.advance(self._bar.task_ids[0], answers)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(Text(f"note: {printable(text)}"), style="dim")

    def stop(self) -> None:
        """Leave the bar as it is."""
        if self._started:
            self._bar.stop()
