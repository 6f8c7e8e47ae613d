"""Shares of a whole as one bar per name and run, a part in each colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt

from reports.charts.spec import COLOURS, Spec, fill, hidden_runs, lay_out, share_axis, shown_runs
from reports.visible import visible

_LANE: Final = 22
_GAP: Final = 14


@dataclass(frozen=True, slots=True)
class Part:
    """One part of one bar."""

    name: str
    run: int
    part: str
    share: float
    tip: str


def stacked_shares(
    parts: Sequence[Part], *, kinds: Sequence[str], runs: int, description: str
) -> Spec:
    """The bars in the order of their names, the parts in the order of `kinds`."""
    names = list(dict.fromkeys(part.name for part in parts))
    step = runs * _LANE + _GAP
    colours = [f"var(--r{place % COLOURS})" for place in range(len(kinds))]
    chart = (
        alt.Chart(alt.NamedData("parts"))
        .mark_bar(opacity=0.78, stroke="var(--page)")
        .encode(
            y=alt.Y(
                "name:N",
                axis=alt.Axis(title=None, grid=False),
                scale=alt.Scale(domain=names, paddingInner=_GAP / step),
                sort=None,
            ),
            yOffset=alt.YOffset("run:O", scale=alt.Scale(domain=list(range(runs)))),
            x=alt.X(
                "share:Q",
                axis=share_axis(),
                stack="zero",
                scale=alt.Scale(domain=[0.0, 1.0], nice=False, clamp=True),
            ),
            color=alt.Color(
                "part:N", scale=alt.Scale(domain=list(kinds), range=colours), legend=None
            ),
            order=alt.Order("place:Q"),
            tooltip=alt.Tooltip("tip:N"),
            description=alt.Description("tip:N"),
        )
    )
    layers = alt.layer(shown_runs(chart)).add_params(hidden_runs())
    rows = [
        {
            "name": visible(part.name),
            "run": part.run,
            "part": part.part,
            "place": list(kinds).index(part.part),
            "share": part.share,
            "tip": visible(part.tip),
        }
        for part in parts
    ]
    return fill(lay_out(layers, height=max(1, len(names)) * step), description, parts=rows)
