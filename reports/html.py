"""The report as one HTML file: it opens offline, and nothing in it can make a request."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from harness.records import CLEAN
from reports import charts, figures
from reports.comparison import ComparisonView, DifferenceRow, chance, points_signed
from reports.diff import Mark
from reports.flips import KINDS
from reports.group import Group, Reading
from reports.measures import MEASURES
from reports.view import ReportView, RunView
from reports.visible import one_line, visible

if TYPE_CHECKING:
    from jinja2 import Environment

_HEAT: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Drops from which a heat map's cell takes the next deeper colour."""
_READING_CLASS: Final = {
    Reading.CLEAR_DROP: "drop",
    Reading.CLEAR_GAIN: "gain",
    Reading.NOISE: "noise",
    Reading.NO_INTERVAL: "noise",
    Reading.NOT_JUDGED: "unjudged",
    Reading.CLEAN: "clean",
}


def render_html(view: ReportView) -> str:
    """The page of a view."""
    content: dict[str, object] = {
        "view": view,
        "kinds": KINDS,
        "measures": MEASURES,
        "scales": _scales(view),
        "guides": _guides,
        "scatter": charts.scatter(
            [run.tables for run in view.runs], [run.name for run in view.runs]
        ),
    }
    return render_page("report.html.j2", content)


def render_comparison_html(view: ComparisonView) -> str:
    """The page of a comparison."""
    return render_page("comparison.html.j2", {"view": view})


def render_page(template: str, content: dict[str, object]) -> str:
    """A template of this package filled with `content`, its style and script inlined.

    The content security policy allows exactly that style and that script, by their hashes: a
    script that came in with a model's answer would not run even if escaping had failed.
    """
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(template)
    return page.render(**content, style=Markup(style), script=Markup(script), policy=policy)


def mark_html(marks: tuple[Mark, ...]) -> Markup:
    """Word-level marks as `<del>` and `<ins>`, the differing characters of a word in `<b>`."""
    return Markup("").join(_mark_html(mark) for mark in marks)


def heat(group: Group) -> str:
    """The classes of a heat map's cell: its depth, its direction and whether it is clear."""
    if group.drop is None:
        return "empty"
    depth = sum(abs(group.drop.value) >= edge for edge in _HEAT)
    direction = "gain" if group.drop.value < 0 else "drop"
    return f"heat {direction}{depth} {_READING_CLASS[group.reading]}"


def _scales(view: ReportView) -> dict[str, charts.Scale]:
    """One scale for each kind of chart, so that rows and runs can be compared by eye."""
    rows = [row for run in view.runs for row in run.tables.perturbations]
    return {
        "accuracy": charts.level_scale([run.tables for run in view.runs]),
        "drop": charts.difference_scale(row.group.drop for row in rows),
        "wordings": charts.accuracy_scale(
            dot.accuracy for run in view.runs for row in run.dots for dot in row.dots
        ),
    }


def _guides(run: RunView, task_name: str | None = None) -> dict[str, float]:
    """The vertical lines of a strip: clean accuracy and guessing, of a task or over all."""
    task = run.task(task_name) if task_name is not None else None
    clean = task.clean if task else run.tables.levels.get(CLEAN)
    chance = task.chance if task else run.tables.chance
    lines = {
        "chance-line": chance,
        "clean-line": clean.accuracy.value if clean and clean.accuracy else None,
    }
    return {kind: value for kind, value in lines.items() if value is not None}


def change_heat(row: DifferenceRow) -> str:
    """The classes of a comparison's cell: depth, whether the second run gained, and if clearly."""
    depth = sum(abs(row.difference.value) >= edge for edge in _HEAT)
    clear = row.outcome in ("better", "worse")
    return f"heat {'gain' if row.gained else 'drop'}{depth} {'clear' if clear else 'noise'}"


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
    environment.globals.update(charts=charts, figures=figures)
    environment.filters.update(
        chance=chance,
        change_heat=change_heat,
        count=figures.count,
        heat=heat,
        marks=mark_html,
        number=figures.number,
        one_line=one_line,
        percent=figures.percent,
        points=figures.points,
        signed=points_signed,
        reading=_READING_CLASS.__getitem__,
    )
    return environment


def _asset(name: str) -> str:
    return files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
