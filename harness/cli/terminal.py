"""What the terminal shows: tables to stdout, notes to stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.core.progress_bar import one_line

_WHOLE: Final = 24
"""Columns of the terminal that a row's name may keep, whatever else would like room."""


class LineConsole(Console):
    """A console on which a sentence stays one line, whatever the names and paths in it hold."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; of texts, control characters and ends of lines are escaped."""
        shown = (one_line(one) if isinstance(one, str) else one for one in objects)
        super().print(*shown, **options)


def out() -> Console:
    """The console of results."""
    # A pipe or a file has no width of its own; 80 columns would fold most tables.
    return LineConsole(highlight=False, width=None if sys.stdout.isatty() else 140)


def err() -> Console:
    """The console of progress and notes; a log is not folded."""
    return LineConsole(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def typed_command() -> str:
    """The command line as it was typed: what resumes a run, for its manifest."""
    return shlex.join(["harness", *sys.argv[1:]])


def is_silent(*, quiet: bool, as_json: bool) -> bool:
    """Whether no progress is shown: `--quiet` is typed, or JSON is read and nobody watches."""
    return quiet or (as_json and not sys.stderr.isatty())


def print_json(content: object) -> None:
    """Write JSON to stdout, for programs."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a plain table to stdout; nothing in it is read as markup.

    Rows are known by their first cells, which stay whole where none is long.
    """
    lines = [[Text(one_line(cell)) for cell in row] for row in rows]
    widest = max((line[0].cell_len for line in lines), default=0)
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, overflow="fold", no_wrap=place == 0 and widest <= _WHOLE)
    for line in lines:
        table.add_row(*line)
    out().print(table)
