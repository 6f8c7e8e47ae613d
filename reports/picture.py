"""The accuracy chart as a standalone SVG picture, for a README or a slide."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from reports.charts import draw_svg
from reports.drawings import level_chart
from reports.view import ReportView
from reports.visible import short

_WIDTH: Final = 600
"""Of the plot, in pixels; the names of the levels stand beside it."""


def render_svg(view: ReportView) -> str:
    """Accuracy by level with intervals, for every run; it follows the reader's light or dark."""
    title = {
        "text": f"Accuracy by level: {short(view.title, 60)}",
        "anchor": "start",
        "color": "var(--ink)",
        "fontSize": 19,
        "fontWeight": 500,
        "offset": 16,
    }
    drawing = draw_svg({**level_chart(view, width=_WIDTH), "title": title})
    return f"{write_colours(drawing)}\n"


def write_colours(drawing: str) -> str:
    """The drawing with its colours written out and a style that exchanges them in the dark.

    Many programs that draw SVG know no custom properties.
    """
    light, dark = palette(":root"), palette(':root[data-theme="dark"]')
    used = sorted(set(re.findall(r'="var\(--([\w-]+)\)"', drawing)))
    for name in used:
        drawing = drawing.replace(f'="var(--{name})"', f'="{light[name]}"')
    exchange = "".join(
        f'[{kind}="{light[name]}"]{{{kind}:{dark[name]}}}'
        for name in used
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme:dark){{{exchange}}}</style>"
    start = drawing.index(">") + 1
    return f"{drawing[:start]}{style}{drawing[start:]}"


def palette(selector: str) -> dict[str, str]:
    """The colours that the page's style sheet has for a theme."""
    sheet = files("reports").joinpath("templates", "report.css").read_text(encoding="utf-8")
    block = re.search(rf"^{re.escape(selector)} {{(.*?)}}", sheet, flags=re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"--([\w-]+): (#\w+)", block.group(1))) if block else {}
