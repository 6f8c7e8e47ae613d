"""The report as one HTML file: it opens offline, and nothing in it can make a request."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from reports import charts, formatting
from reports.charts import Spec
from reports.comparison import OVER_ALL, chance, points_signed
from reports.diff import Mark
from reports.drawings import comparison_charts, report_charts
from reports.flips import KINDS
from reports.measures import MEASURES
from reports.reading import Reading
from reports.said import LIMIT
from reports.view import ReportView
from reports.visible import one_line, short, visible

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
_SCRIPTS: Final = ("report.js", "tables.js")
"""In the order in which they run."""


def render_html(view: ReportView) -> str:
    """The page of a view."""
    content = {
        "view": view,
        "kinds": KINDS,
        "measures": MEASURES,
        "said_limit": LIMIT,
        "over_all": OVER_ALL,
    }
    drawn = report_charts(view)
    if view.compared is not None:
        drawn |= comparison_charts(view.compared)
    return render_page("report.html.j2", content, drawn)


def render_page(template: str, content: Mapping[str, object], drawn: Mapping[str, Spec]) -> str:
    """A template of this package filled with `content`, its style, scripts and charts inlined.

    The content security policy allows exactly that style and that script, by their hashes: a
    script that came in with a model's answer would not run even if escaping had failed.
    """
    style, script = _asset("report.css"), "\n".join([charts.javascript(), *map(_asset, _SCRIPTS)])
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(template)
    data = script_json({"theme": charts.theme(), "charts": dict(drawn)})
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
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
