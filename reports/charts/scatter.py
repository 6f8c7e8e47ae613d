"""Consistency against accuracy: a point for each run, task and level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt

from reports.charts.spec import (
    SHAPES,
    Row,
    Spec,
    accuracy_domain,
    by_colour,
    by_edge_colour,
    fill,
    hidden_runs,
    highlighted,
    lay_out,
    share_axis,
    shown_runs,
    zoom,
)
from reports.formatting import percent
from reports.tables import Tables
from reports.visible import one_line, short, visible

LEVEL_SHAPES: Final = {
    "clean": "circle",
    "character": "square",
    "word": "triangle-up",
    "sentence": "diamond",
    "semantic": "circle",
}
"""Clean is hollow, every other level filled; a level of a user's own is a cross."""
_HEIGHT: Final = 340
_EDGE: Final = 6
"""Room for half a mark at the ends of the axes, in pixels."""
_NAMED: Final = 2
"""How many of the least consistent points have their names beside them."""


@dataclass(frozen=True, slots=True)
class _Point:
    run: int
    task: str
    level: str
    accuracy: float
    consistency: float


def consistency_against_accuracy(tables: Sequence[Tables], names: Sequence[str]) -> Spec:
    """The points of all runs, in the runs' colours and the levels' shapes."""
    points = [point for run, one in enumerate(tables) for point in _points(run, one)]
    across = accuracy_domain(point.accuracy for point in points)
    x = alt.X("accuracy:Q", axis=share_axis("Accuracy →"), scale=_scale(across))
    y = alt.Y(
        "consistency:Q",
        axis=alt.Axis(
            title="Consistency →", format=".0%", labelFontSize=12, labelColor="var(--muted)"
        ),
        scale=_scale(accuracy_domain(point.consistency for point in points)),
    )
    layers = (layer.encode(x=x, y=y) for layer in _marks(len(tables)))
    unsteady = sorted(points, key=lambda point: point.consistency)[:_NAMED]
    chart = alt.layer(*layers).add_params(hidden_runs(), highlighted())
    return fill(
        lay_out(chart, height=_HEIGHT),
        "Consistency against accuracy by task and level",
        points=[_row(point, names) for point in points],
        named=[_name(point, sum(across) / 2) for point in unsteady if point.consistency < 1],
    )


def level_classes(level: str) -> str:
    """The style classes of a level's key: its shape, hollow where it is clean."""
    hollow = " hollow" if level == "clean" else ""
    return f"plain s{SHAPES.index(LEVEL_SHAPES.get(level, 'cross'))}{hollow}"


def _points(run: int, tables: Tables) -> Iterator[_Point]:
    for task in tables.tasks:
        for level, group in task.levels.items():
            if group.stats.accuracy and group.stats.consistency:
                accuracy, consistency = group.stats.accuracy.value, group.stats.consistency.value
                yield _Point(run, task.name, level, accuracy, consistency)


def _marks(runs: int) -> Iterator[alt.Chart]:
    filled = alt.condition("datum.level !== 'clean'", by_colour(runs), alt.value("var(--page)"))
    faded = alt.condition("only === '' || datum.task === only", alt.value(0.9), alt.value(0.1))
    yield (
        shown_runs(alt.Chart(alt.NamedData("points")))
        .mark_point(size=85, filled=True, strokeWidth=1.75, clip=True)
        .encode(
            shape=alt.Shape("shape:N", scale=None),
            stroke=by_edge_colour(runs),
            fill=filled,
            opacity=faded,
            tooltip=alt.Tooltip("tip:N"),
            description=alt.Description("tip:N"),
        )
        .add_params(zoom("x", "y"))
    )
    for side in ("left", "right"):
        yield (
            shown_runs(alt.Chart(alt.NamedData("named")))
            .transform_filter(f"datum.side === '{side}' && only === ''")
            .mark_text(align=side, dx=11 if side == "left" else -11, clip=True, aria=False)
            .encode(text="name:N")
        )


def _row(point: _Point, names: Sequence[str]) -> Row:
    tip = (
        f"{names[point.run]} · {point.task} · {point.level}: accuracy {percent(point.accuracy)}, "
        f"consistency {percent(point.consistency)}"
    )
    return {
        "run": point.run,
        "task": one_line(point.task, limit=80),
        "level": visible(point.level),
        "shape": LEVEL_SHAPES.get(point.level, "cross"),
        "accuracy": round(point.accuracy, 4),
        "consistency": round(point.consistency, 4),
        "tip": visible(tip, limit=400),
    }


def _name(point: _Point, middle: float) -> Row:
    return {
        "run": point.run,
        "accuracy": round(point.accuracy, 4),
        "consistency": round(point.consistency, 4),
        "side": "left" if point.accuracy < middle else "right",
        "name": f"{short(point.task, 20)}, {short(point.level, 16)}",
    }


def _scale(domain: tuple[float, float]) -> alt.Scale:
    return alt.Scale(domain=list(domain), nice=False, zero=False, padding=_EDGE)
