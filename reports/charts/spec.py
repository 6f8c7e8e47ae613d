"""What all charts share: colours and shapes of runs, scales, the theme, the finished JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

import altair as alt

from reports.visible import short, visible

Spec: TypeAlias = dict[str, object]
"""A Vega-Lite specification."""
Row: TypeAlias = dict[str, object]
"""One row of a chart's data."""

COLOURS: Final = 8
"""Colours of runs in the style sheet, `--r0` to `--r7`; shapes go on where they begin again."""
SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross")
"""The style sheet draws the same ones for keys, as classes `s0` to `s4`."""
FONT: Final = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif'
)
NAME_LIMIT: Final = 26
"""Characters of a name beside an axis."""


def key_classes(run: int) -> str:
    """The style classes of a run's key: its colour and its shape."""
    return f"r{run % COLOURS} s{run % len(SHAPES)}"


def accuracy_domain(
    values: Iterable[float | None], chances: Iterable[float | None] = ()
) -> tuple[float, float]:
    """The part of [0, 1] that holds `values`, in whole steps and at least ten points wide.

    It reaches to the chances where the values keep half of the width.
    """
    found = [value for value in values if value is not None] or [0.0, 1.0]
    low, high = min(found), max(found)
    reach = max(high - low, 0.1)
    near = [value for value in chances if value is not None and low - value <= reach]
    low, high = min([low, *near]), max([high, *near])
    # A point more or less must not look like a landslide.
    margin = max(0.01, (0.1 - (high - low)) / 2)
    low = min(0.9, max(0.0, low - margin))
    high = max(low + 0.1, min(1.0, high + margin))
    low, high = _whole_steps(low, high)
    return max(0.0, low), min(1.0, high)


def difference_domain(values: Iterable[float]) -> tuple[float, float]:
    """The part of [−1, 1] that holds `values` and 0, in whole steps."""
    found = [0.0, *values]
    low, high = _whole_steps(min(found), max(0.02, *found))
    return max(-1.0, low), min(1.0, high)


def axis_names(names: Sequence[str]) -> dict[str, str]:
    """Names short enough for an axis, and still all different."""
    taken: dict[str, str] = {}
    for name in names:
        label, again = short(name, NAME_LIMIT), 2
        while label in taken.values():
            label, again = f"{short(name, NAME_LIMIT - 4)} ({again})", again + 1
        taken[name] = label
    return taken


def by_colour(runs: int) -> alt.Color:
    """The colour of a mark's run, given as its position in `run`."""
    return alt.Color("run:N", scale=_colour_scale(runs), legend=None)


def by_edge_colour(runs: int) -> alt.Stroke:
    """The colour of a mark's edge, for marks that are hollow at times."""
    return alt.Stroke("run:N", scale=_colour_scale(runs), legend=None)


def by_shape(runs: int) -> alt.Shape:
    """The shape of a mark's run: colour is never the only difference."""
    scale = alt.Scale(
        domain=list(range(runs)), range=[SHAPES[run % len(SHAPES)] for run in range(runs)]
    )
    return alt.Shape("run:N", scale=scale, legend=None)


def shown_runs(chart: alt.Chart) -> alt.Chart:
    """The chart without the marks of the runs that its reader has hidden."""
    return chart.transform_filter("indexof(hidden, datum.run) < 0")


def hidden_runs() -> alt.Parameter:
    """The positions of the hidden runs, which the page sets."""
    return alt.param(name="hidden", value=[])


def highlighted() -> alt.Parameter:
    """The name whose marks stand out, which the page sets; empty for all."""
    return alt.param(name="only", value="")


def zoom(*encodings: Literal["x", "y"]) -> alt.Parameter:
    """Zoom with Shift and the wheel and move by dragging, so that a page still scrolls."""
    return alt.selection_interval(
        name="zoom",
        bind="scales",
        encodings=list(encodings),
        zoom="wheel![event.shiftKey]",
        translate="[pointerdown[event.pointerType === 'mouse'], window:pointerup]"
        " > window:pointermove!",
    )


def share_axis(title: str | None = None) -> alt.Axis:
    """An axis of percentages, with as many ticks as there is room for."""
    return alt.Axis(title=title, format=".0%", tickCount=alt.ExprRef("max(3, width / 110)"))


def lay_out(
    chart: alt.LayerChart | alt.FacetChart, *, height: float, width: int | None = None
) -> Spec:
    """The chart as JSON without its data; as wide as its container unless a width is given."""
    sized = chart.properties(width="container" if width is None else width, height=height)
    built: Spec = sized.to_dict()
    # The page brings the look and knows the version.
    del built["config"], built["$schema"]
    return built


def fill(layout: Spec, description: str, **data: Sequence[Row]) -> Spec:
    """A laid-out chart with its data sets, and what it shows in words."""
    return {**layout, "description": visible(description), "datasets": data}


def theme() -> Spec:
    """The look of every chart, in the custom properties of the page."""
    config = alt.Config(
        background="transparent",
        font=FONT,
        padding=alt.Padding(left=2, top=6, right=14, bottom=4),  # type: ignore[no-untyped-call]
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            domain=False,
            ticks=False,
            gridColor="var(--rule)",
            labelColor="var(--muted)",
            labelFontSize=12,
            labelPadding=8,
            titleColor="var(--muted)",
            titleFontSize=12.5,
            titleFontWeight="normal",
        ),
        axisY=alt.AxisConfig(labelColor="var(--ink)", labelFontSize=13.5, labelLimit=190),
        text=alt.MarkConfig(fill="var(--muted)", fontSize=12),
    )
    written: Spec = config.to_dict()
    return written


def _colour_scale(runs: int) -> alt.Scale:
    colours = [f"var(--r{run % COLOURS})" for run in range(runs)]
    return alt.Scale(domain=list(range(runs)), range=colours)


def _whole_steps(low: float, high: float) -> tuple[float, float]:
    span = max(high - low, 0.02)
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5) if span / step <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return round(step * first, 4), round(step * max(last, first + 1), 4)
