"""The report's charts as Altair charts, for a notebook: with colours written out and a width."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from harness.core.errors import UnknownNameError

if TYPE_CHECKING:
    import altair as alt

    from reports.charts import Spec

WIDTH: Final = 560
"""Of a chart's plot, in pixels: a page gives a chart its width, a notebook does not."""

_COLOUR: Final = re.compile(r"var\(--([\w-]+)\)")


def choose_chart(charts: Mapping[str, Spec], name: str) -> alt.LayerChart:
    """One of a report's charts, by its name.

    Raises:
        UnknownNameError: no chart has that name; the message offers the nearest ones.
    """
    if name not in charts:
        raise UnknownNameError("chart", name, charts)
    return to_altair(charts[name])


def _title(spec: Spec) -> dict[str, object]:
    """What the chart shows, which a report says beside it."""
    said, _, _ = str(spec["description"]).partition(". ")
    return {"text": said.removesuffix("."), "anchor": "start", "color": "var(--ink)"}


def to_altair(spec: Spec) -> alt.LayerChart:
    """A report's chart as it can be shown, changed and saved anywhere."""
    import altair as alt

    from reports.charts import theme
    from reports.picture import palette

    light = palette(":root")
    config = {**theme(), "background": "var(--page)"}
    look = {**spec, "config": config, "width": WIDTH, "title": _title(spec)}
    data = look.pop("datasets")
    # Only in the layout: data hold texts of models, which may look like a colour.
    plain = _COLOUR.sub(lambda found: light.get(found[1], found[0]), json.dumps(look))
    chart: alt.LayerChart = alt.LayerChart.from_dict({**json.loads(plain), "datasets": data})
    return chart
