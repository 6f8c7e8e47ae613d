"""Every variant of a task as a dot at its accuracy, level by level, the worst ones named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

import altair as alt

from reports.charts.spec import (
    Row,
    Spec,
    axis_names,
    by_colour,
    fill,
    hidden_runs,
    highlighted,
    lay_out,
    share_axis,
    shown_runs,
    zoom,
)
from reports.formatting import percent
from reports.variants import Dot, DotRow
from reports.visible import one_line, short, visible

_LANE: Final = 46
"""Height of one run's row, in pixels."""
_EDGE: Final = 5
"""Room for half a dot at either end of the axis, in pixels."""
_PITCH: Final = 6.5
"""Height between dots of about the same accuracy, in pixels."""
_STACK: Final = 5
"""Dots above one another before a column begins again."""
_COLUMNS: Final = 90
"""Columns of the width: dots of one column would touch."""


def variants(
    rows: Sequence[tuple[int, DotRow]],
    *,
    runs: int,
    domain: tuple[float, float],
    clean: Mapping[int, float],
    chance: float | None,
    description: str,
    metric: str = "accuracy",
    text_limit: int = 220,
) -> Spec:
    """The variants of one task.

    Args:
        rows: each with the position of its run.
        clean: run -> its clean accuracy.
        metric: what the mean score is called.
        text_limit: characters of a variant that its dot tells.
    """
    names = axis_names(list(dict.fromkeys(row.level for _, row in rows)))
    tip = partial(_tip, metric=metric, limit=text_limit)
    guides: list[Row] = [
        {"accuracy": value, "run": run, "kind": "clean"} for run, value in clean.items()
    ]
    if chance is not None:
        guides.append({"accuracy": chance, "kind": "chance"})
    return fill(
        _layout(tuple(names.values()), runs, domain),
        description,
        dots=[dot for run, row in rows for dot in _placed(run, row, names, domain, tip)],
        worst=[_worst(run, row, names, domain) for run, row in rows],
        guides=guides,
    )


@lru_cache(maxsize=8)  # a report's tasks mostly have the same levels
def _layout(levels: tuple[str, ...], runs: int, domain: tuple[float, float]) -> Spec:
    lanes = max(runs, 1)
    scale = alt.Scale(domain=list(domain), nice=False, padding=_EDGE)
    x = alt.X("accuracy:Q", axis=share_axis(), scale=scale)
    y = alt.Y(
        "level:N",
        axis=alt.Axis(title=None, grid=False),
        scale=alt.Scale(domain=list(levels), paddingInner=0.08, paddingOuter=0.02),
    )
    lane = alt.YOffset("lane:Q", scale=alt.Scale(domain=[-0.5, lanes - 0.5]))
    marks = (layer.encode(y=y, yOffset=lane) for layer in _dots(x, runs))
    chart = alt.layer(*_guides(x, lanes), *marks).add_params(hidden_runs(), highlighted())
    return lay_out(chart, height=max(1, len(levels)) * lanes * _LANE)


def _guides(x: alt.X, runs: int) -> Iterator[alt.Chart]:
    chart = alt.Chart(alt.NamedData("guides"))
    clean = shown_runs(chart.transform_filter("datum.kind === 'clean'"))
    line = clean.mark_rule(strokeWidth=1.25, opacity=0.6, clip=True, aria=False)
    if runs == 1:
        yield line.encode(x=x, color=alt.value("var(--ink)"))
    else:
        yield line.encode(x=x, color=by_colour(runs))
    yield (
        chart.transform_filter("datum.kind === 'chance'")
        .mark_rule(
            stroke="var(--muted)",
            strokeWidth=1.75,
            strokeDash=[1.5, 4],
            strokeCap="round",
            clip=True,
            aria=False,
        )
        .encode(x=x)
    )


def _dots(x: alt.X, runs: int) -> Iterator[alt.Chart]:
    faded = alt.condition(
        "only === '' || datum.perturbation === only", alt.value(0.75), alt.value(0.08)
    )
    yield (
        shown_runs(alt.Chart(alt.NamedData("dots")))
        .mark_circle(size=42, stroke="var(--page)", strokeWidth=0.75, clip=True)
        .encode(
            x=x,
            color=by_colour(runs),
            opacity=faded,
            tooltip=alt.Tooltip("tip:N"),
            description=alt.Description("tip:N"),
        )
        .add_params(zoom("x"))
    )
    for side in ("left", "right"):
        names = shown_runs(alt.Chart(alt.NamedData("worst"))).transform_filter(
            f"datum.side === '{side}' && only === ''"
        )
        # The page's colour around a name keeps the lines of guides out of it.
        for stroke in ("var(--page)", None):
            mark = names.mark_text(
                align=side, dx=1 if side == "left" else -1, fontSize=11.5, clip=True,
                stroke=alt.Undefined if stroke is None else stroke, strokeWidth=5,
                aria=stroke is None,
            )  # fmt: skip
            yield mark.encode(x=x, text="name:N")


def _placed(
    run: int,
    row: DotRow,
    names: Mapping[str, str],
    domain: tuple[float, float],
    tip: Callable[[DotRow, Dot], str],
) -> Iterator[Row]:
    stacked: dict[int, int] = {}
    for dot in row.dots:
        column = round(_share(dot.accuracy, domain) * _COLUMNS)
        place = stacked[column] = stacked.get(column, -1) + 1
        # 0, +1, -1, +2, -2 … from the middle line.
        shift = (place % _STACK + 1) // 2 * (1 if place % 2 else -1) * _PITCH
        yield {
            "level": names[row.level],
            "run": run,
            "lane": round(run + (shift - 5) / _LANE, 4),
            "accuracy": round(dot.accuracy, 4),
            "perturbation": one_line(dot.perturbation, limit=80),
            "tip": tip(row, dot),
        }


def _worst(run: int, row: DotRow, names: Mapping[str, str], domain: tuple[float, float]) -> Row:
    worst = row.worst
    return {
        "level": names[row.level],
        "run": run,
        "lane": run + 0.4,
        "accuracy": round(worst.accuracy, 4),
        "side": "left" if _share(worst.accuracy, domain) < 0.55 else "right",
        "name": f"{short(worst.perturbation, 24)} · {short(worst.instruction_id, 14)}",
    }


def _share(accuracy: float, domain: tuple[float, float]) -> float:
    low, high = domain
    return (accuracy - low) / (high - low)


def _tip(row: DotRow, dot: Dot, *, metric: str, limit: int) -> str:
    origin = f"{row.level} · {dot.perturbation} · {dot.instruction_id}"
    head = f"{metric} {percent(dot.accuracy)} · {origin}"
    return f"{visible(head, limit=200)}\n{short(dot.text, limit)}"
