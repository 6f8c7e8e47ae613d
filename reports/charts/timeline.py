"""A score from run to run: one line per series, a point for each run, by date or in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import altair as alt

from harness.results.quantity import Quantity
from reports.charts.lines import lines_with_intervals
from reports.charts.spec import (
    Row,
    Spec,
    accuracy_domain,
    difference_domain,
    fill,
    hidden_runs,
    lay_out,
    share_axis,
    shown_runs,
)
from reports.visible import visible

_HEIGHT: Final = 250


@dataclass(frozen=True, slots=True)
class TimePoint:
    """What one run scores in one series."""

    series: int
    """Its colour and its shape."""
    place: int
    """Which of the series' runs it is, from 1."""
    date: datetime | None
    value: Quantity
    tip: str
    changed: bool
    """Whether it differs significantly from the run before it; drawn hollow otherwise."""


def timeline(
    points: Sequence[TimePoint], *, dated: bool, series: int, drops: bool, description: str
) -> Spec:
    """Scores with their intervals, run after run.

    Args:
        points: those of a series in the order of their runs.
        dated: whether the x axis has their dates, which all have then; else it counts them.
        series: how many series the page has.
        drops: whether the values are drops, whose axis holds 0.
        description: what the chart shows, in words.
    """
    ends = [end for one in points for end in (one.value.value, one.value.low, one.value.high)]
    known = [end for end in ends if end is not None]
    domain = difference_domain(known) if drops else accuracy_domain(known)
    x = _by_date() if dated else _by_order(max((one.place for one in points), default=1))
    scale = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("value:Q", axis=share_axis(), scale=scale)
    chart = alt.Chart(alt.NamedData("rows")).encode(x=x)
    parts = lines_with_intervals(chart, y=y, scale=scale, runs=series, full="changed")
    layers = (shown_runs(one) for one in parts)
    laid_out = lay_out(alt.layer(*layers).add_params(hidden_runs()), height=_HEIGHT)
    return fill(laid_out, description, rows=[_row(one) for one in points])


def _by_date() -> alt.X:
    axis = alt.Axis(title=None, grid=False, tickCount=alt.ExprRef("max(2, width / 130)"))
    return alt.X("date:T", axis=axis, scale=alt.Scale(padding=14))


def _by_order(last: int) -> alt.X:
    axis = alt.Axis(title="run", grid=False, format="d", tickMinStep=1, tickCount=min(last, 10))
    return alt.X("place:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=14))


def _row(point: TimePoint) -> Row:
    value = point.value
    return {
        "run": point.series,
        "place": point.place,
        "date": point.date.strftime("%Y-%m-%dT%H:%M:%SZ") if point.date else None,
        "value": value.value,
        "low": value.value if value.low is None else value.low,
        "high": value.value if value.high is None else value.high,
        "changed": point.changed,
        "tip": visible(point.tip),
    }
