"""A heat map: a name in each row, a level in each column, every run in a lane of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import altair as alt

from reports.charts.spec import (
    Row,
    Spec,
    axis_names,
    by_colour,
    by_shape,
    fill,
    hidden_runs,
    lay_out,
    shown_runs,
)
from reports.visible import visible

_DEPTHS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Differences from which a cell takes the next deeper colour."""
_LANE: Final = 32
_GAP: Final = 10
_COLUMN: Final = 70
"""Width under which the names of columns are turned, in pixels."""
_KEY: Final = 16
"""Width of the column of keys that says which run a lane is, in pixels."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a heat map; `kind` decides its look."""

    row: str
    column: str
    run: int
    value: float
    """The difference that the depth of the colour shows."""
    kind: Literal["significant", "noise", "unjudged", "plain"]
    text: str
    tip: str
    harm: bool = True
    """Whether the difference is for the worse, which decides the hue."""


def heat_map(cells: Sequence[Cell], *, runs: int, description: str) -> Spec:
    """The cells in the order in which their rows and columns first come."""
    names = axis_names(list(dict.fromkeys(cell.row for cell in cells)))
    columns = axis_names(list(dict.fromkeys(cell.column for cell in cells)))
    lanes = max(runs, 1)
    step = lanes * _LANE + _GAP
    narrow = f"width < {_COLUMN * len(columns)}"
    axis = alt.Axis(
        title=None,
        orient="top",
        labelAngle=alt.ExprRef(f"{narrow} ? -35 : 0"),
        labelAlign=alt.ExprRef(f"{narrow} ? 'left' : 'center'"),
        labelOverlap=False,
    )
    x = alt.X(
        "column:N",
        axis=axis,
        scale=alt.Scale(domain=list(columns.values()), padding=0.02),
    )
    y = alt.Y(
        "row:N",
        axis=alt.Axis(title=None, grid=False, labelPadding=_KEY + 8 if runs > 1 else 8),
        scale=alt.Scale(domain=list(names.values()), paddingInner=_GAP / step, paddingOuter=0.05),
    )
    lane = alt.YOffset("run:O", scale=alt.Scale(domain=list(range(lanes)), paddingInner=0.08))
    marks = (shown_runs(layer.encode(y=y, yOffset=lane)) for layer in _marks(x, lanes))
    chart, height = alt.layer(*marks).add_params(hidden_runs()), max(1, len(names)) * step
    return fill(
        lay_out(chart, height=height),
        description,
        cells=[_row(cell, names, columns) for cell in cells],
        lanes=_lanes(cells, names) if runs > 1 else [],
    )


def _marks(x: alt.X, runs: int) -> Iterator[alt.Chart]:
    chart = alt.Chart(alt.NamedData("cells"))
    for judged, dash in ((True, []), (False, [3, 3])):
        yield (
            chart.transform_filter(f"(datum.kind !== 'unjudged') === {str(judged).lower()}")
            .mark_rect(cornerRadius=5, strokeDash=dash)
            .encode(
                x=x,
                fill=alt.Fill("fill:N", scale=None),
                stroke=alt.Stroke("edge:N", scale=None),
                tooltip=alt.Tooltip("tip:N"),
                description=alt.Description("tip:N"),
            )
        )
    for significant in (True, False):
        yield (
            chart.transform_filter(f"(datum.kind === 'significant') === {str(significant).lower()}")
            .mark_text(fontSize=13, fontWeight="bold" if significant else "normal", aria=False)
            .encode(x=x, text="text:N", fill=alt.Fill("ink:N", scale=None))
        )
    yield (
        alt.Chart(alt.NamedData("lanes"))
        .mark_point(filled=True, size=70, opacity=1, aria=False)
        .encode(x=alt.value(-_KEY + 4), color=by_colour(runs), shape=by_shape(runs))
    )


def _row(cell: Cell, names: Mapping[str, str], columns: Mapping[str, str]) -> Row:
    fill, ink, edge = _look(cell)
    return {
        "row": names[cell.row],
        "column": columns[cell.column],
        "run": cell.run,
        "kind": cell.kind,
        "text": visible(cell.text),
        "tip": visible(cell.tip),
        "fill": fill,
        "ink": ink,
        "edge": edge,
    }


def _look(cell: Cell) -> tuple[str, str, str]:
    """Fill, text colour and edge, as custom properties of the page."""
    depth = sum(abs(cell.value) >= edge for edge in _DEPTHS)
    hue = "drop" if cell.harm else "gain"
    match cell.kind:
        case "significant":
            ink = {4: "var(--on-deep)", 5: "var(--on-deepest)"}.get(depth, "var(--ink)")
            return f"var(--{hue}-{depth})", ink, "transparent"
        case "noise":
            return f"var(--{hue}-pale-{depth})", "var(--muted)", "transparent"
        case "unjudged":
            return "transparent", "var(--muted)", "var(--edge)"
        case "plain":
            return "transparent", "var(--ink)", "transparent"


def _lanes(cells: Sequence[Cell], names: Mapping[str, str]) -> list[Row]:
    pairs = dict.fromkeys((cell.row, cell.run) for cell in cells)
    return [{"row": names[row], "run": run} for row, run in pairs]
