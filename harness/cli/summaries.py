"""What ends a run: its headline, as on the report's page, and the table by level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from harness.cli.terminal import out
from harness.core.progress_bar import one_line
from harness.core.records import CLEAN

if TYPE_CHECKING:
    from rich.console import Console

    from harness.results.quantity import Quantity
    from harness.results.rundir import Run
    from harness.results.summary import GroupStats, Outlook, Summary
    from reports.reading import Reading

# Heads of two lines: the tables fit into 80 columns, and no number is broken.
_COLUMNS = (
    "level", "accuracy", "{} %\ninterval", "drop\n(pp)", "worst\nvariant", "consistency", "cells",
)  # fmt: skip
_SCORER_COLUMNS = (
    "scorer", "clean\naccuracy", "above\nchance", "largest\ndrop (pp)", "unparsed", "cells",
)  # fmt: skip

_STAR = "*"
_CAPTION = f"{_STAR} significant; drops without it are not"


def print_summary(run: Run) -> None:
    """Print the headline, accuracy, drop and consistency by level, and what to be careful about."""
    from harness.results.names import run_names
    from reports.caveats import one_label
    from reports.headline import run_detail, run_headline
    from reports.tables import build_tables

    tables, console = build_tables(run.summary), out()
    console.print(run_headline(run_names([run])[0], tables), style="bold", markup=False)
    if detail := run_detail(tables):
        console.print(Text(detail))
    if more := _time_of_the_rest(run):
        console.print(Text(more, "dim"))
    console.print(_level_table(run.summary))
    _show_strengths(run.summary, console)
    _show_scorers(run.summary, console)
    _warn_of_chance(run.summary, console)
    if constant := one_label(tables):
        console.print(constant, style="yellow", markup=False)
    for name in ("report.html", "report.md"):
        if (run.path / name).is_file():
            console.print(f"report: {run.path / name}", markup=False)


def _time_of_the_rest(run: Run) -> str:
    """How long the cells take that were not asked, at this run's rate."""
    from harness.core.progress_bar import clock_time, speed

    outlook, timing = run.summary.outlook, run.manifest["timing"] or {}
    rate = timing.get("cells_per_second")
    if outlook is None or not rate or timing["cache_hits"] > timing["cells"] / 2:
        return ""
    seconds = clock_time((outlook.full_cells - outlook.cells) / rate)
    full = f"--full would take about {seconds} more at this run's {speed(rate, 'cells')}"
    within = _worth_going_on_to(outlook)
    if within is None:
        return f"{full}."
    return (
        f"{full}; --until {within:g} goes on from here until drops are known to within {within:g} "
        f"points, where they are to within {100 * (outlook.drop_half_width or 0):.1f} now."
    )


def _worth_going_on_to(outlook: Outlook) -> float | None:
    """A round number of points between the widest drop interval now and that of the full grid.

    It is near their geometric mean, of one digit; None where no such number lies between them.
    """
    now, full = outlook.drop_half_width, outlook.drop_half_width_full
    if not now or not full:
        return None
    within = float(f"{100 * math.sqrt(now * full):.1g}")
    return within if 100 * full < within < 100 * now else None


def _level_table(summary: Summary) -> Table:
    from reports.formatting import title
    from reports.tables import build_tables

    heads = [name.format(f"{100 * summary.confidence:g}") for name in _COLUMNS]
    tables = build_tables(summary)
    heads[1] = one_line(tables.metric)
    table = _table(f"{one_line(title(tables.metric))} by level", heads)
    if set(tables.levels) > {CLEAN}:
        table.caption = _CAPTION
    for level, group in tables.levels.items():
        table.add_row(*_row(level, group.stats, group.reading))
    return table


def _said_of(text: str, reading: Reading | None) -> Text:
    """A drop as its test lets it stand: a significant one with a star, and in colour."""
    if reading is None or not reading.is_significant:
        return Text(text)
    return Text(f"{text}{_STAR}", "red" if reading.name == "DROP" else "green")


def _show_strengths(summary: Summary, console: Console) -> None:
    """Accuracy and drop of graded noise at each strength, where there are several."""
    from reports.strengths import build_curves

    curves = build_curves(summary, above_chance=True)
    if not curves.levels:
        return
    table = _table("Accuracy (drop in pp) against strength", ("level", *curves.strengths))
    for curve in curves.levels:
        cells = []
        for strength in curves.strengths:
            group = curve.points.get(strength)
            drop = group.stats.drop if group else None
            text = _points(group.stats.accuracy) if group else "-"
            said = f"{text} ({100 * drop.value:+.1f})" if drop else text
            cells.append(_said_of(said, group.reading if group else None))
        table.add_row(Text(curve.name), *cells)
    console.print(table)


def _show_scorers(summary: Summary, console: Console) -> None:
    """The same answers under every scorer, and whether the verdict hangs on it."""
    from reports.formatting import percent
    from reports.scorers import build_scorer_rows, scorer_sentence

    rows = build_scorer_rows(summary)
    if not rows:
        return
    table = _table("What the scorer decides", _SCORER_COLUMNS)
    for row in rows:
        largest = _said_of(row.largest, row.reading_of_largest)
        cells = (percent(row.clean_accuracy), row.judged, largest, percent(row.unparsed))
        table.add_row(Text(one_line(row.name)), *cells, f"{row.cells:,}")
    console.print(table)
    if sentence := scorer_sentence(rows):
        console.print(sentence, style="yellow", markup=False)


def _table(title: str, heads: Sequence[str]) -> Table:
    """An empty table whose first column holds names and whose others hold numbers."""
    table = Table(title=title, title_justify="left", header_style="bold", caption_justify="left")
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=True)
    return table


def _row(level: str, stats: GroupStats, reading: Reading) -> list[Text]:
    ends = stats.accuracy.interval if stats.accuracy else None
    drop = "-" if level == CLEAN or stats.drop is None else f"{100 * stats.drop.value:+.1f}"
    return [
        Text(level),
        Text(_points(stats.accuracy)),
        Text("-" if ends is None else f"{100 * ends[0]:.1f}–{100 * ends[1]:.1f}"),
        _said_of(drop, reading),
        Text(_points(stats.worst_prompt_accuracy)),
        Text(_points(stats.consistency)),
        Text(f"{stats.cells:,}"),
    ]


def _warn_of_chance(summary: Summary, console: Console) -> None:
    weak = [name for name, task in summary.tasks.items() if task.above_chance is False]
    if weak:
        names = ", ".join(one_line(name) for name in weak)
        text = f"Not significantly above chance when clean: {names}. A drop there says nothing."
        console.print(Text(text, "yellow"))


def _points(quantity: Quantity | None) -> str:
    return "-" if quantity is None else f"{100 * quantity.value:.1f}"
