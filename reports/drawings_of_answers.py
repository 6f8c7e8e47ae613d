"""The charts of what is said of answers: reliability, and the shares of their variance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reports import charts
from reports.charts import Part, ReliabilityPoint, Spec
from reports.formatting import count, percent
from reports.view import ReportView

VARIANCE_PARTS: Final = {
    "examples": "examples",
    "instructions": "instructions",
    "perturbations": "perturbations",
    "variants": "variants",
    "instructions_on_examples": "instructions on examples",
    "perturbations_on_examples": "perturbations on examples",
    "cells": "single cells",
}
"""Part of the variance -> its words, in the order in which they are drawn."""


def answer_charts(view: ReportView) -> dict[str, Spec]:
    """`reliability` and `variance`, each where some run has it."""
    drawn: dict[str, Spec] = {}
    runs = len(view.runs)
    if view.has_reliability:
        drawn["reliability"] = charts.reliability_diagram(
            list(_points(view)), runs=runs, description="Accuracy against probability, by level"
        )
    if view.has_variance:
        drawn["variance"] = charts.stacked_shares(
            list(_parts(view)),
            kinds=list(VARIANCE_PARTS.values()),
            runs=runs,
            description="Variance shares by level",
        )
    return drawn


def _points(view: ReportView) -> Iterator[ReliabilityPoint]:
    for number, run in enumerate(view.runs):
        for level, one in run.reliability.items():
            for place in one.bins:
                said = f"probability {percent(place.probability)}, right {percent(place.accuracy)}"
                yield ReliabilityPoint(
                    level=level,
                    run=number,
                    probability=place.probability,
                    accuracy=place.accuracy,
                    cells=place.cells,
                    tip=f"{run.name} · {level}: {said} of {count(place.cells)} cells",
                )


def _parts(view: ReportView) -> Iterator[Part]:
    for level in view.levels:
        for number, run in enumerate(view.runs):
            group = run.tables.levels.get(level)
            if group is None or group.stats.variance is None:
                continue
            for key, name in VARIANCE_PARTS.items():
                share = getattr(group.stats.variance, key)
                if not share:
                    continue
                tip = f"{run.name} · {level}: {name} {percent(share)}"
                yield Part(name=level, run=number, part=name, share=share, tip=tip)
