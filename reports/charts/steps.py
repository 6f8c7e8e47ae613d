"""Accuracy over the steps of a training: one line per training, a point for each checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt

from harness.results.quantity import Quantity
from reports.charts.lines import lines_with_intervals
from reports.charts.spec import Row, Spec, fill, lay_out
from reports.visible import visible

_HEIGHT: Final = 150


@dataclass(frozen=True, slots=True)
class StepPoint:
    """What one checkpoint scores."""

    training: int
    """Its colour and its shape."""
    step: int
    value: Quantity
    tip: str


def accuracy_over_steps(
    points: Sequence[StepPoint],
    *,
    trainings: int,
    domain: tuple[float, float],
    description: str,
) -> Spec:
    """Accuracies with their intervals by step.

    Args:
        points: those of a training in the order of their steps.
        trainings: how many trainings the page has.
        domain: of the accuracies; charts that stand below each other share it.
        description: what the chart shows, in words.
    """
    axis = alt.Axis(title="step", grid=False, tickCount=alt.ExprRef("max(2, width / 90)"))
    x = alt.X("step:Q", axis=axis, scale=alt.Scale(zero=False, padding=14))
    scale = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("value:Q", axis=alt.Axis(title=None, format=".0%", tickCount=4), scale=scale)
    chart = alt.Chart(alt.NamedData("rows")).encode(x=x)
    layers = lines_with_intervals(chart, y=y, scale=scale, runs=trainings)
    laid_out = lay_out(alt.layer(*layers), height=_HEIGHT)
    return fill(laid_out, description, rows=[_row(one) for one in points])


def _row(point: StepPoint) -> Row:
    value = point.value
    return {
        "run": point.training,
        "step": point.step,
        "value": value.value,
        "low": value.value if value.low is None else value.low,
        "high": value.value if value.high is None else value.high,
        "tip": visible(point.tip),
    }
