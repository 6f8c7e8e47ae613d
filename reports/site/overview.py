"""The overview of many runs as a page shows it: what stands where, in which words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from harness.core.records import in_level_order
from harness.history.answer import Answer
from harness.history.changes import Change
from harness.history.entry import RunEntry
from harness.history.trends import ChangePoint, Trend
from reports.comparison import points_signed
from reports.formatting import (
    counted,
    day,
    listed,
    minute,
    p_value,
    percent,
    points,
    title,
    with_interval,
)
from reports.visible import one_line, short

CHARTS: Final = 6
"""Pictures on the page, of the trends with the latest runs; the table has all trends."""
CHARTED: Final = 40
"""Latest points of a line in a picture."""
CHANGES: Final = 200
"""Latest change points in the table."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list."""

    place: str
    """Its folder, from the folder that was searched."""
    link: str
    """Its report's place in the site; empty where it has none."""
    model: str
    tasks: str
    date: str
    values: tuple[str, ...]
    """By level, in the overview's order."""
    note: str
    """What is wrong with it, or that it is a copy."""
    state: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change point in words."""

    date: str
    model: str
    level: str
    moved: str
    """From what to what."""
    difference: str
    p: str
    place: str
    link: str
    other_cells: bool
    worse: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture of trends that differ in their level alone."""

    name: str
    title: str
    trends: tuple[Trend, ...]

    @property
    def dated(self) -> bool:
        """Whether it is drawn by date: runs of one moment, or of none, would stand on one place."""
        dates = {point.run.date for trend in self.trends for point in trend.points}
        return len(dates - {None}) > 1

    @property
    def by(self) -> str:
        """What its runs are ordered by, in words."""
        return "by date" if self.dated else "run after run"


@dataclass(frozen=True)
class Overview:
    """What the page shows."""

    answer: Answer

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know first."""
        return self.answer.notes

    @cached_property
    def levels(self) -> list[str]:
        """The levels that are followed, or that any run has where none is."""
        followed = {trend.level for trend in self.answer.trends}
        return in_level_order(
            followed or {one.level for run in self.answer.runs for one in run.measures}
        )

    @cached_property
    def models(self) -> list[str]:
        """The models of finished runs, by name."""
        return sorted({run.model for run in self.answer.finished})

    @property
    def states(self) -> set[str]:
        """The states that any run is in."""
        return {run.state for run in self.answer.runs}

    @cached_property
    def trends(self) -> tuple[Trend, ...]:
        """The trends of two runs and more."""
        return tuple(trend for trend in self.answer.trends if trend.steps)

    @cached_property
    def changes(self) -> list[ChangePoint]:
        """Every change point, the latest first."""
        found = [change for trend in self.trends for change in trend.change_points]
        return sorted(found, key=lambda one: one.after.run.moment, reverse=True)

    @property
    def listed_changes(self) -> list[ChangePoint]:
        """Those that the page lists."""
        return self.changes[:CHANGES]

    @property
    def headline(self) -> str:
        """How many runs, and what the latest one says, in one sentence."""
        runs, models = len(self.answer.finished), len(self.models)
        what = f"{counted(runs, 'finished run')} of {counted(models, 'model')}"
        if not self.trends:
            return f"{what}, and none to follow over time yet."
        if not self.changes:
            return f"{what}: no significant change from one run to the next."
        largest = max(self.changes, key=lambda one: abs(one.change.difference.value))
        run = largest.after.run
        return (
            f"{what}: {counted(len(self.changes), 'change point')}, the largest "
            f"{points_signed(largest.change.difference)} points ({short(run.model, 40)}, "
            f"{largest.level}, {day(run.iso_date)})."
        )

    @property
    def detail(self) -> str:
        """The latest run against the one before it."""
        latest = max(self.trends, key=lambda one: one.points[-1].run.moment, default=None)
        if latest is None:
            return ""
        run = latest.points[-1].run
        mine = [trend for trend in self.trends if trend.points[-1].run == run]
        moved = [trend for trend in mine if trend.steps[-1].significant]
        when = f"The latest run, {short(run.model, 60)} of {day(run.iso_date)},"
        if not moved:
            return f"{when} does not differ significantly from the one before it."
        parts = [
            f"{points(abs(trend.steps[-1].difference.value))} points "
            f"{'lower' if trend.steps[-1].difference.value < 0 else 'higher'} at {trend.level}"
            for trend in moved
        ]
        noun = "drop" if moved[0].metric == "drop" else moved[0].metric
        return f"{when} differs from the one before it: {noun} is {listed(parts)}."

    @property
    def metric(self) -> str:
        """What is followed: the name that all trends share, else `score`."""
        names = {trend.metric for trend in self.answer.trends}
        return title(names.pop()) if len(names) == 1 else "Score"

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The pictures: one per model and tasks, the latest first."""
        grouped: dict[tuple[str | None, tuple[str, ...], str], list[Trend]] = {}
        for trend in self.trends:
            key = (trend.model, trend.tasks, trend.points[0].run.scorer)
            grouped.setdefault(key, []).append(trend)
        latest = sorted(grouped.values(), key=_latest, reverse=True)[:CHARTS]
        return tuple(
            Figure(f"trend-{number}", _figure_title(trends[0]), tuple(trends))
            for number, trends in enumerate(latest, 1)
        )

    @property
    def is_cut(self) -> bool:
        """Whether some line has more points than a picture shows."""
        return any(len(trend.points) > CHARTED for one in self.figures for trend in one.trends)

    @property
    def left_out(self) -> int:
        """Trends' groups without a picture."""
        groups = {(one.model, one.tasks, one.points[0].run.scorer) for one in self.trends}
        return len(groups) - len(self.figures)

    def trend_rows(self) -> Iterator[tuple[str, ...]]:
        """Model, tasks, level, runs, first, last, change, adjusted p, change points."""
        for trend in self.trends:
            whole = trend.overall or trend.steps[0]
            yield (
                trend.model if trend.model is not None else "all models",
                listed(trend.tasks, limit=4),
                trend.level,
                f"{len(trend.points):,}",
                percent(trend.points[0].value),
                percent(trend.points[-1].value),
                with_interval(whole.difference, points),
                p_value(whole.p_adjusted),
                f"{len(trend.change_points):,}",
            )

    def change_rows(self) -> Iterator[ChangeRow]:
        """The latest change points, the latest first."""
        for step, before, after, level in self.listed_changes:
            falls = step.difference.value < 0
            yield ChangeRow(
                date=minute(after.run.date),
                model=after.run.model,
                level=level,
                moved=f"{percent(before.value)} to {percent(after.value)}",
                difference=with_interval(step.difference, points),
                p=p_value(step.p_adjusted),
                place=self.place(after.run.path),
                link=self.link(after.run),
                other_cells=not step.paired,
                worse=falls if self.metric != "Drop" else not falls,
            )

    def run_rows(self) -> Iterator[RunRow]:
        """Every run, the latest first."""
        for run in reversed(self.answer.runs):
            copy = self.answer.copies.get(run.path)
            measures = [run.measure(None, level) for level in self.levels]
            yield RunRow(
                place=self.place(run.path),
                link=self.link(run),
                model=run.model,
                tasks=listed(run.tasks, limit=4),
                date=minute(run.date),
                values=tuple(percent(one.accuracy if one else None) for one in measures),
                note=f"copy of {self.place(copy)}" if copy else run.reason,
                state=run.state,
            )

    def place(self, path: str) -> str:
        """A run's folder as it is shown: from the folder that was searched, never all of it."""
        for folder in sorted(self.answer.folders, key=lambda one: -len(one.parts)):
            if Path(path).is_relative_to(folder):
                return str(Path(folder.name) / Path(path).relative_to(folder))
        return Path(path).name

    def link(self, run: RunEntry) -> str:
        """Where a run's report stands in the site."""
        return f"{report_folder(run.path)}/report.html" if run.state == "finished" else ""


def report_folder(path: str) -> str:
    """The folder of a run's report in a site, by the run's path: of plain letters, all different.

    Example:
        >>> report_folder("/data/runs/Nightly <b>")
        'runs/nightly-b-b62ea0aa76'
    """
    digest = hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest()
    plain = re.sub(r"[^a-z0-9]+", "-", Path(path).name.lower()).strip("-")[:40].strip("-")
    return f"runs/{plain}-{digest}" if plain else f"runs/{digest}"


def point_tip(trend: Trend, place: int) -> str:
    """What a point of a trend says when it is pointed at."""
    point = trend.points[place]
    value = with_interval(point.value, percent)
    said = (
        f"{one_line(point.run.model, limit=80)} · {trend.level} · {minute(point.run.date)}: {value}"
    )
    return said if place == 0 else f"{said}; {_change_text(trend.steps[place - 1])}"


def _change_text(step: Change) -> str:
    moved = with_interval(step.difference, points)
    sure = "significant" if step.significant else "not significant"
    other = "" if step.paired else ", other cells were asked"
    return f"change {moved} points, {sure}{other}"


def _figure_title(trend: Trend) -> str:
    model = "All models" if trend.model is None else trend.model
    return f"{short(model, 80)} · {listed(trend.tasks, limit=4)}"


def _latest(trends: Sequence[Trend]) -> float:
    return max(trend.points[-1].run.moment for trend in trends)
