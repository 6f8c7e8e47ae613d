"""The report as one HTML file: it opens offline, and nothing in it can make a request."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from reports import charts, formatting
from reports.cells import ExampleRow, cells_json, least_stable
from reports.charts import Spec
from reports.comparison import OVER_ALL, chance, points_signed
from reports.diff import Mark
from reports.drawings import comparison_charts, report_charts
from reports.drawings_of_answers import VARIANCE_PARTS
from reports.flips import KINDS
from reports.label_metrics import METRICS_LEDE, metric_name, metric_value
from reports.measures import MEASURES
from reports.reading import Reading
from reports.said import LIMIT
from reports.view import ReportView
from reports.visible import one_line, short, visible
from reports.why import TITLES, correlation_text

if TYPE_CHECKING:
    from jinja2 import Environment

_READING_CLASS: Final = {
    Reading.DROP: "drop",
    Reading.GAIN: "gain",
    Reading.NOT_SIGNIFICANT: "noise",
    Reading.NOT_TESTED: "noise",
    Reading.NOT_JUDGED: "unjudged",
    Reading.CLEAN: "clean",
}
_SCRIPTS: Final = ("report.js", "tables.js", "cells.js")
"""In the order in which they run."""
PAGE_LIMIT: Final = 2_000_000
"""Bytes of a page above which its cells stand in a file beside it."""
STABLE_SHOWN: Final = 30
"""Least stable examples that one page lists over all its runs."""


def render_html(view: ReportView) -> str:
    """The page of a view, whatever its size, in one file."""
    return _render(view, _shape_cells(view))


def render_html_files(view: ReportView, name: str) -> dict[str, str]:
    """The page of a view by the file name `name`, and what stands beside it.

    A page that would be larger than two megabytes leaves its cells to a second file, which it runs
    when a reader comes to them: a page that was opened from a file may not read another one.
    """
    shaped = _shape_cells(view)
    page = _render(view, shaped)
    beside = cells_file(name)
    if len(page.encode("utf-8")) <= PAGE_LIMIT or not shaped.payload:
        return {name: page}
    script = f"harnessCells({script_json(shaped.payload)});\n"
    # A hash of the whole content: no text in it can know the word that lets scripts run.
    nonce = _digest(script)
    return {name: _render(view, shaped, beside, nonce), beside: script}


def cells_file(name: str) -> str:
    """The name of the file beside a page that holds its cells: report.html -> report.cells.js."""
    return f"{name.removesuffix('.html')}.cells.js"


@dataclass(frozen=True, slots=True)
class _ShapedCells:
    stable: tuple[list[ExampleRow], ...]
    """Of each run the least stable examples."""
    has_holes: bool
    payload: Mapping[str, object]
    """Empty where no run has cells."""


def _shape_cells(view: ReportView) -> _ShapedCells:
    shown = max(5, STABLE_SHOWN // len(view.runs))
    stable, tasks, has_holes = [], [], False
    for number, run in enumerate(view.runs):
        cells = run.make_cells()
        stable.append(least_stable(cells, shown))
        tasks += cells_json(cells, number)
        has_holes |= any(one.map.has_holes for one in cells)
    names = [one_line(run.name, limit=80) for run in view.runs]
    return _ShapedCells(tuple(stable), has_holes, {"runs": names, "tasks": tasks} if tasks else {})


def _render(view: ReportView, cells: _ShapedCells, beside: str = "", nonce: str = "") -> str:
    content = {
        "view": view,
        "kinds": KINDS,
        "measures": MEASURES,
        "said_limit": LIMIT,
        "metric_name": metric_name,
        "metric_value": metric_value,
        "metrics_lede": METRICS_LEDE,
        "over_all": OVER_ALL,
        "stable": cells.stable if cells.payload else (),
        "holes": cells.has_holes,
        "beside": beside,
        "parts": VARIANCE_PARTS,
        "measure_titles": TITLES,
        "correlation": correlation_text,
        "part_keys": _part_keys(),
    }
    drawn = report_charts(view)
    if view.compared is not None:
        drawn |= comparison_charts(view.compared)
    payload = {"file": beside, "nonce": nonce} if beside else cells.payload
    return render_page("report.html.j2", content, drawn, payload, nonce)


def render_page(
    template: str,
    content: Mapping[str, object],
    drawn: Mapping[str, Spec],
    cells: Mapping[str, object],
    nonce: str = "",
) -> str:
    """A template of this package filled with `content`, its style, scripts and charts inlined.

    The content security policy allows exactly that style and that script, by their hashes, and
    where there is a `nonce` the script that bears it: one that came in with a model's answer would
    not run even if escaping had failed.
    """
    style = _asset("report.css")
    script = "\n".join([charts.javascript(), *map(_asset, _SCRIPTS)])
    allowed = f" 'nonce-{nonce}'" if nonce else ""
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'{allowed}; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(template)
    data = script_json({"theme": charts.theme(), "charts": dict(drawn), "cells": cells or None})
    inlined = {"style": Markup(style), "script": Markup(script), "policy": policy, "data": data}
    return page.render(**content, **inlined)


def script_json(value: object) -> Markup:
    """JSON that can stand in a script element: nothing in it ends the element or opens another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    escapes: dict[str, str | int | None] = {
        "&": "\\u0026",
        "<": "\\u003c",
        ">": "\\u003e",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
    return Markup(text.translate(str.maketrans(escapes)))


def mark_html(marks: tuple[Mark, ...]) -> Markup:
    """Word-level marks as `<del>` and `<ins>`, the differing characters of a word in `<b>`."""
    return Markup("").join(_mark_html(mark) for mark in marks)


def _mark_html(mark: Mark) -> Markup:
    if mark.kind == "same":
        return Markup("{}").format(visible(mark.text))
    tag = "del" if mark.kind == "removed" else "ins"
    note = Markup('<small class="letters">{}</small>').format(mark.note) if mark.note else Markup()
    return Markup("<{}>{}</{}>{}").format(tag, _focused(mark), tag, note)


def _focused(mark: Mark) -> Markup:
    parts, done = [], 0
    for start, end in mark.focus:
        parts.append(Markup("{}").format(visible(mark.text[done:start])))
        parts.append(Markup("<b>{}</b>").format(visible(mark.text[start:end])))
        done = end
    return Markup("").join([*parts, Markup("{}").format(visible(mark.text[done:]))])


def _part_keys() -> Markup:
    key = Markup('<span class="run-key"><i class="key r{}"></i>{}</span>')
    return Markup("").join(key.format(n, one) for n, one in enumerate(VARIANCE_PARTS.values()))


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every value that a template prints passes through here before it is escaped.
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
    )
    environment.globals.update(charts=charts, formatting=formatting)
    environment.filters.update(
        chance=chance,
        count=formatting.count,
        marks=mark_html,
        number=formatting.number,
        one_line=one_line,
        p_value=formatting.p_value,
        percent=formatting.percent,
        points=formatting.points,
        signed=points_signed,
        shortened=short,
        title_of=formatting.title,
        reading=_READING_CLASS.__getitem__,
    )
    return environment


def _asset(name: str) -> str:
    return files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return f"sha256-{_digest(source)}"


def _digest(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return base64.b64encode(digest).decode("ascii")
