"""The accuracy chart as a standalone SVG picture, for a README or a slide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

from reports.charts import GLYPHS, Scale, element, level_scale
from reports.figures import percent, points, with_interval
from reports.group import Group
from reports.view import ReportView, RunView
from reports.visible import one_line, short

_WIDTH: Final = 760
_ROW: Final = 30
_TOP: Final = 84
_FOOT: Final = 30
_PLOT: Final = (150.0, 530.0)
"""Where the chart begins and ends, between the names and the numbers."""

_COLOURS: Final = (
    ("#2457c5", "#7ea6ff"),
    ("#b8540a", "#f0a05a"),
    ("#0b7d68", "#4fc9b0"),
    ("#8a3a9c", "#d08fe0"),
)


def render_svg(view: ReportView) -> str:
    """Accuracy by level with intervals, for every run; it follows the reader's light or dark."""
    scale = level_scale([run.tables for run in view.runs])
    rows = [
        (level, index, run.tables.levels[level])
        for level in view.levels
        for index, run in enumerate(view.runs)
        if level in run.tables.levels
    ]
    height = _TOP + _ROW * len(rows) + _FOOT
    parts = [
        element("title", {}, escape(one_line(view.headline))),
        element("style", {}, Markup(_style())),
        element("rect", {"class": "page", "width": "100%", "height": "100%", "rx": "10"}),
        _text(24, 34, f"Accuracy by level: {short(view.title, 60)}", "title"),
        *_key(view.runs),
        *_axis(scale, height),
        *_guessing(scale, height, view.runs[0].tables.chance),
    ]
    named: set[str] = set()
    for number, (level, index, group) in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        if level not in named:
            parts.append(_text(24, middle + 5, short(level, 16)))
        named.add(level)
        parts += _row(scale, middle, index, group)
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_WIDTH} {height:g}",
        "width": str(_WIDTH),
        "height": f"{height:g}",
        "role": "img",
    }
    return f"{element('svg', attributes, *parts)}\n"


def _at(scale: Scale, value: float) -> float:
    low, high = _PLOT
    return round(low + (high - low) * scale.at(value) / 100, 1)


def _key(runs: tuple[RunView, ...]) -> Iterator[Markup]:
    if len(runs) < 2:
        return
    left = 24.0
    for index, run in enumerate(runs):
        name = short(run.name, 28)
        yield _glyph(left + 6, 51, index)
        yield _text(left + 18, 56, name, "quiet")
        left += 40 + 7.2 * len(name)


def _axis(scale: Scale, height: float) -> Iterator[Markup]:
    for tick in scale.ticks:
        yield _vertical(_at(scale, tick), height, "rule")
        yield _text(_at(scale, tick), _TOP - 8, percent(tick, 0), "quiet middle")
    yield _text(_WIDTH - 24, _TOP - 8, "drop, points", "quiet end")


def _guessing(scale: Scale, height: float, chance: float | None) -> Iterator[Markup]:
    if chance is not None:
        yield _vertical(_at(scale, chance), height, "guessing")
        yield _text(_at(scale, chance), height - 10, "guessing", "quiet middle")


def _row(scale: Scale, y: float, run: int, group: Group) -> Iterator[Markup]:
    if group.accuracy is None:
        return
    low, value, high = group.accuracy.low, group.accuracy.value, group.accuracy.high
    if low is not None and high is not None:
        ends = {"x1": f"{_at(scale, low)}", "x2": f"{_at(scale, high)}"}
        middle = {"y1": f"{y:g}", "y2": f"{y:g}"}
        yield element("line", {"class": f"interval line{run % len(GLYPHS)}", **ends, **middle})
    yield _glyph(_at(scale, value), y, run)
    yield _text(600, y + 5, percent(value), "end")
    if group.drop:
        yield _text(_WIDTH - 24, y + 5, with_interval(group.drop, points), "quiet end")


def _glyph(x: float, y: float, run: int) -> Markup:
    shape = run % len(GLYPHS)
    place = f"translate({x:g} {y:g})"
    return element("path", {"class": f"fill{shape}", "d": GLYPHS[shape], "transform": place})


def _vertical(x: float, height: float, kind: str) -> Markup:
    ends = {"x1": f"{x:g}", "x2": f"{x:g}", "y1": str(_TOP), "y2": f"{height - _FOOT:g}"}
    return element("line", {"class": kind, **ends})


def _text(x: float, y: float, text: str, kind: str = "") -> Markup:
    attributes = {"x": f"{x:g}", "y": f"{y:g}"}
    return element("text", {**attributes, "class": kind} if kind else attributes, escape(text))


def _style() -> str:
    # Colours are written out: many programs that draw SVG know no custom properties.
    light, dark = (
        "".join(
            f".fill{n} {{ fill: {pair[theme]}; }} .line{n} {{ stroke: {pair[theme]}; }}\n"
            for n, pair in enumerate(_COLOURS)
        )
        for theme in (0, 1)
    )
    return f"""
text {{ font: 14px system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: #1b1d21; }}
.title {{ font: 500 19px Georgia, "Liberation Serif", serif; }}
.quiet {{ fill: #5f636b; font-size: 12.5px; }}
.middle {{ text-anchor: middle; }} .end {{ text-anchor: end; }}
.page {{ fill: #faf8f4; }} .rule {{ stroke: #e3dfd6; }}
.guessing {{ stroke: #5f636b; stroke-width: 1.75; stroke-dasharray: 1.5 4; stroke-linecap: round; }}
.interval {{ stroke-width: 3; stroke-opacity: .45; stroke-linecap: round; }}
{light}@media (prefers-color-scheme: dark) {{
text {{ fill: #e9e6df; }} .quiet {{ fill: #a1a6ae; }}
.page {{ fill: #121417; }} .rule {{ stroke: #2d3138; }} .guessing {{ stroke: #a1a6ae; }}
{dark}}}
"""
