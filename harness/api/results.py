"""A finished run as Python sees it: frames to work on, a table to look at, the report's charts."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.api.tables import Table, count_of, stats_frame, task_frame
from harness.api.words import in_python
from harness.core.errors import HarnessError
from harness.results import rundir

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from reports.reading import GroupView

RunLike: TypeAlias = "str | Path | rundir.Run"
"""A run, or the directory of one."""

_COLUMNS: Final = (
    "level", "accuracy", "interval", "drop (pp)", "interval", "adjusted p", "flip rate", "cells",
)  # fmt: skip


class Run(rundir.Run):
    """A run on disk; its files are read when they are first asked for.

    Shares and differences are fractions: 0.042 is 4.2 points.

    Example:
        >>> run = harness.load_run("runs/quickstart")
        >>> run.levels[["accuracy", "accuracy_low", "accuracy_high", "drop"]]
        >>> run.samples.groupby("perturbation")["score"].mean()
        >>> run.plot("perturbations")
    """

    @cached_property
    def levels(self) -> pd.DataFrame:
        """One row per level, one column per metric of summary.json, with intervals.

        `drop` has its interval in `drop_low` and `drop_high`; so has every metric with one.
        """
        return stats_frame(self.summary.to_json()["levels"], "level")

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """The same per task and level."""
        return task_frame(self.summary.to_json()["tasks"])

    @cached_property
    def perturbations(self) -> pd.DataFrame:
        """The same per perturbation, over all tasks."""
        return stats_frame(self.summary.to_json()["perturbations"], "perturbation")

    @in_python
    def plot(self, chart: str = "levels") -> alt.LayerChart:
        """Draw one of the report's charts.

        Args:
            chart: `levels` (accuracy by level), `tasks` (drop by task and level), `perturbations`
                (drop by perturbation), `consistency` (against accuracy), or `variants-1` and on
                (accuracy of every variant of the first task, the second, …).

        Returns:
            An Altair chart; a notebook shows it, and `.save("levels.svg")` writes it.

        Raises:
            UnknownNameError: The run has no such chart.
        """
        from harness.api.charts import choose_chart
        from reports.drawings import report_charts
        from reports.view import build_view

        return choose_chart(report_charts(build_view([self])), chart)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {_describe(self)})"

    def __str__(self) -> str:
        return _table(self).to_text()

    def _repr_html_(self) -> str | None:
        try:
            return _table(self).to_html()
        except HarnessError:  # an unfinished run has no summary: a notebook shows its repr then
            return None


@in_python
def load_run(path: str | Path, *, partial: bool = False) -> Run:
    """Open a run directory, checked before it is believed.

    Args:
        path: The run directory.
        partial: Take a run that is not finished as it is.

    Returns:
        The run. A finished one holds the very files that it wrote.

    Raises:
        UsageError: No run there (the message offers the nearest directory that is one), one of
            another schema version, or one whose files are damaged, missing or another run's.
        IncompleteRunError: The run is not finished.

    Example:
        >>> harness.load_run("runs/quickstart").summary.levels["semantic"].drop
        Quantity(value=0.042, interval=(0.011, 0.073))
    """
    return to_run(rundir.load_run(path, partial=partial))


def to_run(run: RunLike) -> Run:
    """The run as Python sees it; a directory is opened and checked."""
    if isinstance(run, Run):
        return run
    return Run(run.path) if isinstance(run, rundir.Run) else Run(rundir.load_run(run).path)


def _describe(run: Run) -> str:
    """The facts of a run in a line; a directory that holds none says so."""
    try:
        manifest = run.manifest
        model = manifest["model"]["name"]
        tasks = count_of(manifest["tasks"], "task")
        return f"{model}, {tasks}, {manifest['status']}"
    except (HarnessError, KeyError, TypeError):
        return "no run"


def _table(run: Run) -> Table:
    """Headline and levels, as the report's first screen has them."""
    from harness.results.names import run_names
    from reports.headline import run_detail, run_headline
    from reports.tables import build_tables

    tables, confidence = build_tables(run.summary), run.summary.confidence
    return Table(
        title=run_headline(run_names([run])[0], tables),
        columns=tuple(
            f"{100 * confidence:g}% {name}" if name == "interval" else name for name in _COLUMNS
        ),
        rows=tuple(_row(level, group) for level, group in tables.levels.items()),
        notes=tuple(filter(None, (run_detail(tables), str(run.path)))),
    )


def _row(level: str, group: GroupView) -> tuple[str, ...]:
    from reports.formatting import count, interval, p_value, percent, points

    stats = group.stats
    return (
        level,
        percent(stats.accuracy),
        interval(stats.accuracy),
        points(stats.drop),
        interval(stats.drop),
        p_value(stats.drop_p_adjusted),
        percent(stats.flip_rate),
        count(stats.cells),
    )
