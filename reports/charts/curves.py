"""Accuracy against the strength of noise: one line per level and run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt

from harness.results.quantity import Quantity
from reports.charts.lines import lines_with_intervals
from reports.charts.spec import (
    Row,
    Spec,
    accuracy_domain,
    fill,
    hidden_runs,
    lay_out,
    share_axis,
    shown_runs,
)
from reports.visible import visible

_HEIGHT: Final = 240
_PARTED: Final = " · "
"""Between a level and a strength in a place's name; the axis breaks the line there."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One run's accuracy at one level and strength."""

    name: str
    strength: str
    run: int
    accuracy: Quantity
    tip: str
    significant: bool = True
    """Whether its drop is; drawn hollow otherwise."""
    reference: float | None = None
    """The run's clean accuracy."""


def accuracy_curves(points: Sequence[CurvePoint], *, runs: int, description: str) -> Spec:
    """Accuracies by level and, within it, from weak to strong noise, with their intervals.

    Args:
        points: in the order of the axis.
        runs: how many runs there are; each has its colour and its shape.
        description: what the chart shows, in words.
    """
    places = list(dict.fromkeys(f"{one.name}{_PARTED}{one.strength}" for one in points))
    ends = [end for one in points for end in (*_ends(one.accuracy), one.reference)]
    axis = alt.Axis(
        title=None,
        labelAngle=0,
        labelExpr=f"reverse(split(datum.label, '{_PARTED}'))",
        grid=False,
        labelLimit=120,
    )
    x = alt.X("place:N", axis=axis, scale=alt.Scale(domain=places), sort=None)
    scale = alt.Scale(domain=list(accuracy_domain(ends)), nice=False)
    y = alt.Y("value:Q", axis=share_axis(), scale=scale)
    offset = alt.XOffset("run:O", scale=alt.Scale(domain=list(range(runs)), paddingOuter=1))
    chart = alt.Chart(alt.NamedData("rows")).encode(x=x)
    clean = chart.mark_tick(
        thickness=1.5, color="var(--ink)", opacity=0.55, aria=False, bandSize=34
    ).encode(y=alt.Y("reference:Q", scale=scale))
    parts = lines_with_intervals(
        chart, y=y, scale=scale, runs=runs, line="series", full="significant"
    )
    layers = (shown_runs(one.encode(xOffset=offset)) for one in (clean, *parts))
    laid_out = lay_out(alt.layer(*layers).add_params(hidden_runs()), height=_HEIGHT)
    return fill(laid_out, description, rows=[_row(one) for one in points])


def _row(point: CurvePoint) -> Row:
    low, high = _ends(point.accuracy)
    return {
        "place": f"{point.name}{_PARTED}{point.strength}",
        "series": f"{point.run} {point.name}",
        "run": point.run,
        "value": point.accuracy.value,
        "low": low,
        "high": high,
        "significant": point.significant,
        "reference": point.reference,
        "tip": visible(point.tip),
    }


def _ends(accuracy: Quantity) -> tuple[float, float]:
    if accuracy.low is None or accuracy.high is None:
        return accuracy.value, accuracy.value
    return accuracy.low, accuracy.high
