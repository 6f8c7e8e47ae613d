"""Values with their intervals, a row each: accuracy by level, drops, differences of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt

from harness.results.quantity import Quantity
from reports.charts.spec import (
    Row,
    Spec,
    accuracy_domain,
    axis_names,
    by_colour,
    by_edge_colour,
    by_shape,
    difference_domain,
    fill,
    hidden_runs,
    lay_out,
    share_axis,
    shown_runs,
)
from reports.formatting import percent
from reports.visible import short, visible

_LANE: Final = 22
"""Height of one run's row, in pixels."""
_GAP: Final = 12
"""Height between the rows of two names, in pixels."""
_FURTHER: Final = "◂"
"""Begins the name of a guide that lies left of the axis."""


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One run's value under one name."""

    name: str
    run: int
    estimate: Quantity
    tip: str
    """What a reader who points at it is told."""
    note: str = ""
    """What stands beside it; empty where the eye needs no help."""
    significant: bool = True
    """Drawn hollow otherwise."""
    reference: float | None = None
    """What the value is to be held against, such as the run's clean accuracy."""


def accuracy_intervals(
    rows: Sequence[IntervalRow],
    *,
    runs: int,
    chance: float | None,
    description: str,
    keys: Sequence[str] = (),
    width: int | None = None,
) -> Spec:
    """Accuracies with their intervals, each held against its reference, and chance.

    Args:
        keys: the runs' names where they shall stand above the plot.
    """
    ends = [end for row in rows for end in (*_ends(row.estimate), row.reference)]
    axis = share_axis()
    domain = accuracy_domain(ends, [chance])
    guides = {} if chance is None else {chance: "chance"}
    if chance is not None and chance < domain[0]:
        guides = {domain[0]: f"{_FURTHER} chance: {percent(chance)}"}
    return _intervals(rows, runs, domain, axis, guides, description, keys, width)


def difference_intervals(
    rows: Sequence[IntervalRow], *, runs: int, description: str, keys: Sequence[str] = ()
) -> Spec:
    """Differences in points with their intervals, around 0; keys as for accuracies."""
    ends = [end for row in rows for end in _ends(row.estimate)]
    # Around small differences there are ticks at half points, which would be rounded.
    whole = "abs(100 * datum.value - round(100 * datum.value)) < 1e-6"
    label = f"{whole} ? format(100 * datum.value, 'd') : ''"
    axis = alt.Axis(title=None, labelExpr=label, tickCount=alt.ExprRef("max(3, width / 110)"))
    domain = difference_domain(ends)
    return _intervals(rows, runs, domain, axis, {0.0: ""}, description, keys)


def _intervals(
    rows: Sequence[IntervalRow],
    runs: int,
    domain: tuple[float, float],
    axis: alt.Axis,
    guides: Mapping[float, str],
    description: str,
    keys: Sequence[str] = (),
    width: int | None = None,
) -> Spec:
    names = axis_names(list(dict.fromkeys(row.name for row in rows)))
    lanes = max(runs, 1)
    step = lanes * _LANE + _GAP
    x = alt.X("value:Q", axis=axis, scale=alt.Scale(domain=list(domain), nice=False))
    y = alt.Y(
        "name:N",
        axis=alt.Axis(title=None, grid=False),
        scale=alt.Scale(domain=list(names.values()), paddingInner=_GAP / step, paddingOuter=0.1),
    )
    lane = alt.YOffset("run:O", scale=alt.Scale(domain=list(range(lanes))))
    marks = (shown_runs(layer.encode(y=y, yOffset=lane)) for layer in _marks(x, lanes))
    chart = alt.layer(*_guides(x), *marks, *(_keys(lanes) if keys else ()))
    height = max(1, len(names)) * step
    return fill(
        lay_out(chart.add_params(hidden_runs()), height=height, width=width),
        description,
        rows=[_row(row, names) for row in rows],
        guides=[{"value": value, "kind": kind} for value, kind in guides.items()],
        keys=_key_rows(keys),
    )


def _guides(x: alt.X) -> Iterator[alt.Chart]:
    dashed = alt.condition("datum.kind === 'chance'", alt.value([1.5, 4]), alt.value([]))
    chart = alt.Chart(alt.NamedData("guides"))
    further = f"indexof(datum.kind, '{_FURTHER}') === 0"
    yield (
        chart.transform_filter(f"!({further})")
        .mark_rule(stroke="var(--muted)", strokeWidth=1.75, strokeCap="round", aria=False)
        .encode(x=x, strokeDash=dashed)
    )
    yield chart.mark_text(
        baseline="bottom",
        align=alt.expr(f"{further} ? 'left' : 'center'"),
        dy=-3,
        fontSize=11.5,
        aria=False,
    ).encode(x=x, y=alt.value(0), text="kind:N")


def _marks(x: alt.X, runs: int) -> Iterator[alt.Chart]:
    chart = alt.Chart(alt.NamedData("rows"))
    said = {"tooltip": alt.Tooltip("tip:N"), "description": alt.Description("tip:N")}
    tick = _LANE if runs > 1 else _LANE + _GAP  # of one run, they join to a line
    yield chart.mark_tick(
        thickness=1.5, size=tick, color="var(--ink)", opacity=0.55, aria=False
    ).encode(x=alt.X("reference:Q"))
    yield chart.mark_rule(strokeWidth=3.5, strokeCap="round", opacity=0.42, aria=False).encode(
        x=alt.X("low:Q"), x2="high:Q", color=by_colour(runs), tooltip=said["tooltip"]
    )
    yield chart.mark_point(size=95, filled=True, opacity=1, strokeWidth=1.75).encode(
        x=x,
        shape=by_shape(runs),
        stroke=by_edge_colour(runs),
        fill=alt.condition("datum.significant", by_colour(runs), alt.value("var(--page)")),
        **said,
    )
    yield chart.mark_text(
        align="left", dx=9, fontWeight=600, fill="var(--drop-ink)", aria=False
    ).encode(x=alt.X("end:Q"), text="note:N")


def _keys(runs: int) -> Iterator[alt.Chart]:
    left = alt.X("left:Q", scale=None, axis=None)
    chart = alt.Chart(alt.NamedData("keys")).encode(x=left, y=alt.value(-32))
    yield chart.mark_point(size=95, filled=True, opacity=1, aria=False).encode(
        color=by_colour(runs), shape=by_shape(runs)
    )
    yield chart.mark_text(align="left", dx=11, fontSize=13).encode(text="name:N")


def _key_rows(names: Sequence[str]) -> list[Row]:
    shown = [short(name, 28) for name in names]
    widths = [36 + 7.2 * len(name) for name in shown]
    return [
        {"run": run, "name": name, "left": sum(widths[:run]) + 6} for run, name in enumerate(shown)
    ]


def _row(row: IntervalRow, names: Mapping[str, str]) -> Row:
    low, high = _ends(row.estimate)
    return {
        "name": names[row.name],
        "run": row.run,
        "value": row.estimate.value,
        "low": low,
        "high": high,
        "significant": row.significant,
        "reference": row.reference,
        "note": row.note,
        "end": high if row.reference is None else max(high, row.reference),
        "tip": visible(row.tip),
    }


def _ends(estimate: Quantity) -> tuple[float, float]:
    if estimate.low is None or estimate.high is None:
        return estimate.value, estimate.value
    return estimate.low, estimate.high
