"""A reliability diagram: how often answers of a probability are right, by level and run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt

from reports.charts.scatter import LEVEL_SHAPES
from reports.charts.spec import (
    Spec,
    by_colour,
    by_edge_colour,
    fill,
    hidden_runs,
    lay_out,
    share_axis,
    shown_runs,
)
from reports.visible import visible

_HEIGHT: Final = 300


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """The answers of one level and run whose probability lies in one tenth of [0, 1]."""

    level: str
    run: int
    probability: float
    accuracy: float
    cells: int
    tip: str


def reliability_diagram(points: Sequence[ReliabilityPoint], *, runs: int, description: str) -> Spec:
    """Accuracy against probability beside the diagonal, on which both are alike.

    Args:
        points: of each level and run, the lowest probability first.
        runs: how many runs there are; each has its colour, as each level has its shape.
        description: what the diagram shows, in words.
    """
    low = min((point.probability for point in points), default=0.0)
    across = alt.Scale(domain=[min(0.5, int(low * 10) / 10), 1.0], nice=False)
    up = alt.Scale(domain=[0.0, 1.0], nice=False)
    x = alt.X("probability:Q", axis=share_axis("Probability of the answer →"), scale=across)
    y = alt.Y("accuracy:Q", axis=share_axis("Right →"), scale=up)
    diagonal = (
        alt.Chart(alt.NamedData("diagonal"))
        .mark_line(color="var(--ink)", opacity=0.5, strokeDash=[4, 4], aria=False)
        .encode(x=x, y=y)
    )
    chart = alt.Chart(alt.NamedData("points")).encode(x=x, y=y)
    line = chart.mark_line(strokeWidth=1.5, opacity=0.45, aria=False).encode(
        detail=["level:N"], color=by_colour(runs)
    )
    shapes = alt.Scale(domain=list(LEVEL_SHAPES), range=list(LEVEL_SHAPES.values()))
    mark = chart.mark_point(filled=True, opacity=0.9, strokeWidth=1.5).encode(
        shape=alt.Shape("level:N", scale=shapes, legend=None),
        size=alt.Size("cells:Q", scale=alt.Scale(range=[30, 240]), legend=None),
        stroke=by_edge_colour(runs),
        fill=alt.condition("datum.level === 'clean'", alt.value("var(--page)"), by_colour(runs)),
        tooltip=alt.Tooltip("tip:N"),
        description=alt.Description("tip:N"),
    )
    layers = alt.layer(diagonal, shown_runs(line), shown_runs(mark)).add_params(hidden_runs())
    return fill(
        lay_out(layers, height=_HEIGHT),
        description,
        diagonal=[{"probability": end, "accuracy": end} for end in (across.domain[0], 1.0)],
        points=[
            {
                "level": point.level,
                "run": point.run,
                "probability": point.probability,
                "accuracy": point.accuracy,
                "cells": point.cells,
                "tip": visible(point.tip),
            }
            for point in points
        ],
    )
