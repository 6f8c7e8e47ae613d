"""Lays the overview of many runs out as an HTML page."""

from __future__ import annotations

from collections.abc import Iterator

from reports import charts
from reports.charts import Spec, TimePoint
from reports.html import render_page
from reports.site.overview import CHARTED, Figure, Overview, point_tip


def render_overview(view: Overview) -> str:
    """The page; its links are relative to it."""
    drawn = {figure.name: _draw(figure, view) for figure in view.figures}
    return render_page("history.html.j2", {"view": view, "charted": CHARTED}, drawn, {})


def _draw(figure: Figure, view: Overview) -> Spec:
    return charts.timeline(
        list(_points(figure, view)),
        dated=figure.dated,
        series=len(view.levels),
        drops=figure.trends[0].metric == "drop",
        description=f"{view.metric} {figure.by}: {figure.title}",
    )


def _points(figure: Figure, view: Overview) -> Iterator[TimePoint]:
    for trend in figure.trends:
        first = max(0, len(trend.points) - CHARTED)
        for place, point in list(enumerate(trend.points))[first:]:
            if point.run.date is not None or not figure.dated:
                yield TimePoint(
                    series=view.levels.index(trend.level),
                    place=place + 1,
                    date=point.run.date,
                    value=point.value,
                    tip=point_tip(trend, place),
                    changed=place > 0 and trend.steps[place - 1].significant,
                )
