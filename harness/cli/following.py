"""`harness history`, `view` and `bundle`: many runs, found, filtered and followed over time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import ConfigDict, Field

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_options
from harness.core.plain_numbers import PlainNumbers
from harness.evaluation.config import Names
from harness.history.select import Metric

if TYPE_CHECKING:
    from harness.history.answer import Answer
    from harness.history.changes import Change
    from harness.history.entry import RunEntry
    from harness.history.trends import Point, Trend

_CHANGES_SHOWN: Final = 20
"""Change points that the terminal lists, the latest ones; JSON has all."""
_MANY: Final = 50
"""Runs to read from which on it is said that they are being read."""

Folders = Annotated[
    list[Path] | None,
    typer.Argument(help="Folders with runs below them. Default: those named before."),
]


class HistoryOptions(PlainNumbers):
    """Which runs are followed, and what of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: Names = ()
    """Only this model, by name or pattern. Repeatable."""
    tasks: Names = ()
    """Follow this task, not all together. Repeatable."""
    levels: Names = ()
    """Only these levels, such as clean,word."""
    since: str | None = None
    """Only runs since a date (2026-11-01) or for so long (30d)."""
    metric: Metric = "accuracy"
    """What to follow."""
    across_models: bool = False
    """Follow all models' runs together, by date."""
    margin: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Points that a change must exceed, interval and all."""


PANELS: Final = {
    "Runs": ("model", "tasks", "since"),
    "What is followed": ("levels", "metric", "across_models", "margin"),
}
"""How the options of a history are grouped in the help."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "history",
        history_command,
        "harness history runs",
        "harness history --model nightly --levels clean,word --since 30d --json",
        "harness history runs --out history.parquet",
    )
    add_command(app, "view", view_command, "harness view runs", "harness view --model nightly")
    add_command(
        app, "bundle", bundle_command, "harness bundle runs --out site",
        "harness bundle runs --since 30d --out site",
    )  # fmt: skip


@with_options(HistoryOptions, PANELS)
def history_command(
    config: HistoryOptions,
    folders: Folders = None,
    limit: Annotated[int, typer.Option(min=0, help="Latest runs to list; 0 for all.")] = 20,
    out: Annotated[
        Path | None, typer.Option(help="Write a table instead: .csv, .jsonl or .parquet.")
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget the folders; their runs stay as they are.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the runs below folders, follow their accuracy over time, and say where it changed."""
    from harness.cli.terminal import print_json
    from harness.core.uncollected import uncollected
    from harness.history.answer import answer_json
    from harness.history.export import export_history
    from harness.history.folders import forget_folders

    if forget:
        forget_folders(folders or [])
        typer.echo(f"forgotten: {', '.join(map(str, folders or []))}")
        return
    with uncollected():
        found = find_answer(config, folders)
        _show_notes(found.notes)
        if out is not None:
            typer.echo(str(export_history(found, out)))
        elif as_json:
            print_json(answer_json(found))
        else:
            _show(found, limit, config.tasks, config.levels)


@with_options(HistoryOptions, PANELS)
def view_command(
    config: HistoryOptions,
    folders: Folders = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 for any. Default: from 8731 on, a free one."),
    ] = None,
) -> None:
    """Serve the history and every run's report to the browser of this machine, until Ctrl-C."""
    from reports.site.server import open_server
    from reports.site.site import Site

    def load() -> Site:
        return Site(find_answer(config, folders))

    with open_server(load, port) as server:
        try:
            typer.echo(f"{server.url} (Ctrl-C ends)")
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("ended", err=True)


@with_options(HistoryOptions, PANELS)
def bundle_command(
    config: HistoryOptions,
    out: Annotated[Path, typer.Option(help="Folder to write: index.html and the reports.")],
    folders: Folders = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the history and every run's report as a folder to publish or to open from a disk."""
    from harness.cli.terminal import print_json
    from reports.site.bundle import write_bundle
    from reports.site.site import Site

    found = find_answer(config, folders, quiet=quiet)
    if not quiet:
        _show_notes(found.notes)
    written = write_bundle(Site(found), out)
    if as_json:
        print_json({"index": str(written[-1]), "files": [str(path) for path in written]})
    elif not quiet:
        typer.echo(str(written[-1]))


def find_answer(
    config: HistoryOptions, folders: Sequence[Path] | None, *, quiet: bool = False
) -> Answer:
    """The history below folders, as the options of a command select it."""
    from datetime import UTC, datetime

    from harness.history.answer import answer
    from harness.history.refresh import load_history
    from harness.history.select import Selection, parse_since

    wanted = Selection(
        models=config.model,
        tasks=config.tasks,
        levels=config.levels,
        since=None if config.since is None else parse_since(config.since, datetime.now(UTC)),
    )
    return answer(
        load_history(folders or (), on_read=None if quiet else _say_reading),
        wanted,
        metric=config.metric,
        across_models=config.across_models,
        margin=config.margin / 100,
    )


def _say_reading(done: int, total: int) -> None:
    from harness.cli.terminal import err

    if total >= _MANY and done == 0:
        err().print(f"reading {total:,} runs that are new or have changed …")


def _show_notes(notes: Sequence[str]) -> None:
    from harness.cli.terminal import err

    for note in notes:
        err().print(f"note: {note}", style="yellow", markup=False)


def _show(found: Answer, limit: int, tasks: Sequence[str], levels: Sequence[str]) -> None:
    from reports.formatting import counted

    counts = ", ".join(
        f"{number:,} {state}"
        for state in ("finished", "unfinished", "broken")
        if (number := sum(run.state == state for run in found.runs))
    )
    typer.echo(f"{counted(len(found.runs), 'run')} ({counts})")
    if found.finished:
        _show_runs(found, limit, tasks, levels)
    if found.others:
        _show_others(found.others[-limit:] if limit else found.others, len(found.others))
    trends = [trend for trend in found.trends if trend.steps]
    if trends:
        _show_trends(trends)
        _show_changes(trends)


def _show_runs(found: Answer, limit: int, tasks: Sequence[str], levels: Sequence[str]) -> None:
    from harness.cli.terminal import print_table
    from harness.core.records import in_level_order
    from reports.formatting import minute, percent

    task = tasks[0] if len(tasks) == 1 else None
    known = in_level_order({one.level for run in found.finished for one in run.measures})
    shown = [level for level in known if not levels or level in levels]
    latest = found.finished[-limit:] if limit else found.finished
    rows = []
    for run in latest:
        measures = [run.measure(task, level) for level in shown]
        values = [percent(one.accuracy if one else None) for one in measures]
        rows.append((minute(run.date), run.model, *values, _place(run, found)))
    title = f"{_counted(len(rows), len(found.finished), 'finished')}, of {task or 'all tasks'}"
    print_table(title, ("date", "model", *shown, "run"), rows)


def _show_others(others: Sequence[RunEntry], total: int) -> None:
    from harness.cli.terminal import print_table

    rows = [(_near(run.path), run.state, run.reason) for run in others]
    print_table(_counted(len(rows), total, "other"), ("run", "state", "why"), rows)


def _show_trends(trends: Sequence[Trend]) -> None:
    from harness.cli.terminal import print_table
    from reports.formatting import listed, p_value, percent, points, with_interval

    rows = []
    for trend in trends:
        whole = trend.overall or trend.steps[0]
        first, last = trend.points[0].value, trend.points[-1].value
        moved = f"{with_interval(whole.difference, points)}{'*' if whole.significant else ''}"
        rows.append(
            (
                trend.model or "all",
                listed(trend.tasks, limit=4),
                trend.level,
                f"{len(trend.points):,}",
                *map(percent, (first, last)),
                moved,
                p_value(whole.p_adjusted),
                f"{len(trend.change_points):,}",
            )
        )
    metric = trends[0].metric if len({trend.metric for trend in trends}) == 1 else "score"
    columns = ("model", "tasks", "level", "runs", "first", "last", "change, points", "adjusted p")
    print_table(f"Trends of {metric}", (*columns, "change points"), rows)


def _show_changes(trends: Sequence[Trend]) -> None:
    from harness.cli.terminal import out

    changes = sorted(
        (change for trend in trends for change in trend.change_points),
        key=lambda change: change.after.run.moment,
    )
    if not changes:
        typer.echo("No change from one run to the next is significant.")
        return
    shown = changes[-_CHANGES_SHOWN:]
    if len(shown) < len(changes):
        typer.echo(f"The latest {len(shown):,} of {len(changes):,} change points:")
    for change in shown:
        out().print(_change_line(*change), markup=False, soft_wrap=True)


def _change_line(step: Change, before: Point, after: Point, level: str) -> str:
    from reports.formatting import minute, percent

    return (
        f"{minute(after.run.date)} {after.run.model}, {level}: {percent(before.value)} to "
        f"{percent(after.value)} ({_moved(step)}), {_near(after.run.path)} after "
        f"{_near(before.run.path)}"
    )


def _moved(step: Change) -> str:
    from reports.formatting import p_value, points, with_interval

    other = "" if step.paired else ", other cells were asked"
    moved = with_interval(step.difference, points)
    return f"{moved} points, adjusted p {p_value(step.p_adjusted)}{other}"


def _counted(shown: int, total: int, kind: str) -> str:
    noun = f"{kind} run{'' if total == 1 else 's'}"
    latest = "" if shown == total else f"the latest {shown:,} of "
    text = f"{latest}{total:,} {noun}"
    return text[0].upper() + text[1:]


def _place(run: RunEntry, found: Answer) -> str:
    copy = found.copies.get(run.path)
    return f"{_near(run.path)} (copy of {_near(copy)})" if copy else _near(run.path)


def _near(path: str) -> str:
    """A path from where one stands, if it lies below."""
    here = Path.cwd()
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else path
