"""The charting library's own code: its JavaScript for a page, and its drawing without a browser."""

from __future__ import annotations

import re
from functools import cache

import vl_convert

from reports.charts.spec import Spec, theme


@cache
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that leaves only `vegaEmbed` behind.

    It comes out of the installed package and is the same for every page; making it takes seconds,
    so a process makes it once.
    """
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # Inside a script element these would end it or hide its end. They can only stand in strings,
    # templates and regular expressions, where the escape means the same.
    safe = re.sub(r"<(?=/script|!--)", r"\\x3C", bundle, flags=re.IGNORECASE)
    return f"(() => {{{safe}\n}})();"


def draw_svg(spec: Spec) -> str:
    """A chart drawn as SVG on a page; its colours are still the custom properties of the theme."""
    # Names are measured with another font than a reader's: there is room for a wider one.
    room = {"left": 24, "top": 16, "right": 20, "bottom": 12}
    look = {**theme(), "background": "var(--page)", "padding": room}
    drawn: str = vl_convert.vegalite_to_svg(spec, config=look)
    return drawn
