"""Lines of values with their intervals: what charts over time, steps and strengths share."""

from __future__ import annotations

import altair as alt

from reports.charts.spec import by_colour, by_edge_colour, by_shape


def lines_with_intervals(
    chart: alt.Chart, *, y: alt.Y, scale: alt.Scale, runs: int, line: str = "run", full: str = ""
) -> tuple[alt.Chart, alt.Chart, alt.Chart]:
    """The layers of a chart whose rows hold `value`, `low`, `high`, `run` and `tip`.

    Args:
        chart: the rows with their place on the x axis.
        y: the axis of the values.
        scale: that of `y`, for the intervals.
        runs: how many runs there are; each has its colour and its shape.
        line: the field that a line's rows have in common.
        full: the field that says whether a point is drawn full; all are where none is named.

    Returns:
        The lines, the intervals, and the points above them.
    """
    colour, tip = by_colour(runs), alt.Tooltip("tip:N")
    fill = alt.condition(f"datum.{full}", colour, alt.value("var(--page)")) if full else colour
    lines = chart.mark_line(strokeWidth=1.5, opacity=0.55, aria=False).encode(
        y=y, detail=[f"{line}:N"], color=colour
    )
    bars = chart.mark_rule(strokeWidth=2.5, strokeCap="round", opacity=0.32, aria=False).encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour, tooltip=tip
    )
    points = chart.mark_point(size=80, filled=True, opacity=1, strokeWidth=1.75).encode(
        y=y,
        shape=by_shape(runs),
        stroke=by_edge_colour(runs),
        fill=fill,
        tooltip=tip,
        description=alt.Description("tip:N"),
    )
    return lines, bars, points
