"""Charts as inline SVG that is laid out in percentages.

A strip is as wide as the table cell it stands in, so one drawing serves a phone, a screen and
paper with its text at full size; colours come from the page's style sheet, so it follows the
theme; and the table around it is its text alternative. No script is needed to see any of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from reports.figures import Estimate, counted, percent, points, with_interval
from reports.phrasings import Dot, DotRow
from reports.tables import Tables
from reports.visible import one_line, short, visible

GLYPHS: Final = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "M-4.5-4.5h9v9h-9z",
    "M0-5.5L5.5 4.5h-11z",
    "M0-6.2L6.2 0 0 6.2-6.2 0z",
)
"""A shape for each run, so that colour is never the only difference."""
LEVEL_GLYPHS: Final = {"clean": 0, "character": 1, "word": 2, "sentence": 3, "semantic": 0}

STRIP_HEIGHT: Final = 30
_DOT_PITCH: Final = 7.0
_DOT_ROWS: Final = 7
_SCATTER_HEIGHT: Final = 340


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from values to percentages of a drawing's width, with a margin for glyphs."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """The position of `value`, in percent."""
        share = (value - self.low) / (self.high - self.low)
        return round(2 + 96 * min(1.0, max(0.0, share)), 2)


def accuracy_scale(values: Iterable[float | None]) -> Scale:
    """A scale over accuracies, widened to whole ticks within [0, 1]."""
    found = [value for value in values if value is not None] or [0.0, 1.0]
    # At least ten points wide: a point more or less must not look like a landslide.
    margin = max(0.01, (0.1 - (max(found) - min(found))) / 2)
    return _scale(max(0.0, min(found) - margin), min(1.0, max(found) + margin), bounds=(0.0, 1.0))


def level_scale(tables: Sequence[Tables]) -> Scale:
    """A scale over the levels' accuracies, their intervals and guessing, for all runs."""
    groups = [group for one in tables for group in one.levels.values()]
    ends = [end for group in groups if group.accuracy for end in _ends(group.accuracy)]
    return accuracy_scale([*ends, *(one.chance for one in tables)])


def difference_scale(estimates: Iterable[Estimate | None]) -> Scale:
    """A scale over differences that always holds 0."""
    ends = [end for estimate in estimates if estimate for end in _ends(estimate)]
    return _scale(min([0.0, *ends]), max([0.02, *ends]), bounds=(-1.0, 1.0))


def strip(scale: Scale, estimate: Estimate | None, run: int, marks: Mapping[str, float]) -> Markup:
    """One row of an interval chart: the interval, its value, and named vertical lines."""
    parts = [_line(scale.at(value), kind) for kind, value in marks.items()]
    if estimate is not None:
        parts.append(_interval(scale, estimate, f"r{run}", with_interval(estimate, percent)))
        parts.append(_glyph(scale.at(estimate.value), STRIP_HEIGHT / 2, run, f"r{run}"))
    return _strip(parts)


def difference_strip(scale: Scale, estimate: Estimate | None, run: int, *, clear: bool) -> Markup:
    """One row of a chart of differences; hollow where the difference is not clear."""
    parts = [_line(scale.at(0.0), "zero")]
    if estimate is not None:
        style = f"r{run}{'' if clear else ' hollow'}"
        parts.append(_interval(scale, estimate, style, with_interval(estimate, points)))
        parts.append(_glyph(scale.at(estimate.value), STRIP_HEIGHT / 2, run, style))
    return _strip(parts)


def axis(scale: Scale, *, as_points: bool = False) -> Markup:
    """The tick labels over a column of strips."""
    write = points if as_points else percent
    labels = [
        element("text", {"x": f"{scale.at(tick)}%", "y": "14"}, escape(write(tick, 0)))
        for tick in scale.ticks
    ]
    attributes = {"class": "axis", "width": "100%", "height": "20", "aria-hidden": "true"}
    return element("svg", attributes, *labels)


def dots(scale: Scale, row: DotRow, run: int, marks: Mapping[str, float]) -> Markup:
    """Every wording of a task and level as a dot; the arrow keys walk from dot to dot."""
    rows = max(1, min(_DOT_ROWS, _tallest(scale, row.dots)))
    height = max(STRIP_HEIGHT, round(rows * _DOT_PITCH + 12))
    parts = [_line(scale.at(value), kind) for kind, value in marks.items()]
    stacked: dict[float, int] = {}
    for dot in row.dots:
        column = _column(scale, dot)
        level = stacked[column] = stacked.get(column, -1) + 1
        # 0, +1, -1, +2, -2 … from the middle line; a full column begins again.
        offset = (level % _DOT_ROWS + 1) // 2 * (1 if level % 2 else -1) * _DOT_PITCH
        attributes = {
            "class": f"dot r{run}",
            "cx": f"{scale.at(dot.accuracy)}%",
            "cy": f"{height / 2 + offset:g}",
            "r": "3.6",
        }
        parts.append(element("circle", attributes, _title(_dot_text(dot))))
    attributes = {
        "class": "strip dots",
        "width": "100%",
        "height": str(height),
        "role": "group",
        "aria-label": f"{one_line(row.task)}, {row.level}: {counted(len(row.dots), 'wording')}",
    }
    return element("svg", attributes, *parts)


def scatter(tables: Sequence[Tables], names: Sequence[str]) -> Markup:
    """Consistency against accuracy: a point for each run, task and level."""
    found = [
        (run, task.name, level, group.accuracy.value, group.consistency.value)
        for run, one in enumerate(tables)
        for task in one.tasks
        for level, group in task.levels.items()
        if group.accuracy and group.consistency
    ]
    x = accuracy_scale([accuracy for *_, accuracy, _ in found])
    y = accuracy_scale([consistency for *_, consistency in found])
    parts = [*_grid(x, y), *_least_consistent(x, y, found)]
    for run, task, level, accuracy, consistency in found:
        hollow = " hollow" if level == "clean" else ""
        label = (
            f"{names[run]} · {task} · {level}: {percent(accuracy)} right, "
            f"{percent(consistency)} consistent"
        )
        shape = LEVEL_GLYPHS.get(level, 0)
        glyph = _glyph(x.at(accuracy), _up(y, consistency), shape, f"dot r{run}{hollow}", label)
        parts.append(glyph)
    attributes = {
        "class": "scatter dots",
        "width": "100%",
        "height": str(_SCATTER_HEIGHT),
        "role": "group",
        "aria-label": "Consistency against accuracy by task and level",
    }
    return element("svg", attributes, *parts)


def glyph_sheet() -> Markup:
    """The shapes that the charts of a page refer to."""
    shapes = [element("path", {"id": f"g{n}", "d": path}) for n, path in enumerate(GLYPHS)]
    attributes = {"class": "sheet", "width": "0", "height": "0", "aria-hidden": "true"}
    return element("svg", attributes, element("defs", {}, *shapes))


def legend_glyph(shape: int, style: str) -> Markup:
    """One shape for a legend."""
    use = element("use", {"href": f"#g{shape % len(GLYPHS)}", "x": "7", "y": "7", "class": style})
    attributes = {"class": "key", "width": "14", "height": "14", "aria-hidden": "true"}
    return element("svg", attributes, use)


def _scale(low: float, high: float, *, bounds: tuple[float, float]) -> Scale:
    span = max(high - low, 0.02)
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5) if span / step <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        last += 1
    ticks = tuple(round(step * n, 4) for n in range(first, last + 1))
    return Scale(max(bounds[0], ticks[0]), min(bounds[1], ticks[-1]), ticks)


def _ends(estimate: Estimate) -> tuple[float, float]:
    if estimate.low is None or estimate.high is None:
        return estimate.value, estimate.value
    return estimate.low, estimate.high


def _strip(parts: Sequence[Markup]) -> Markup:
    attributes = {"class": "strip", "width": "100%", "height": str(STRIP_HEIGHT)}
    return element("svg", {**attributes, "aria-hidden": "true"}, *parts)


def _line(position: float, kind: str) -> Markup:
    ends = {"x1": f"{position}%", "x2": f"{position}%", "y1": "0", "y2": "100%"}
    return element("line", {"class": f"guide {kind}", **ends})


def _interval(scale: Scale, estimate: Estimate, style: str, label: str) -> Markup:
    low, high = (scale.at(end) for end in _ends(estimate))
    middle = f"{STRIP_HEIGHT / 2:g}"
    attributes = {"class": f"interval {style}", "x1": f"{low}%", "x2": f"{high}%"}
    return element("line", {**attributes, "y1": middle, "y2": middle}, _title(label))


def _glyph(x: float, y: float, shape: int, style: str, label: str = "") -> Markup:
    attributes = {
        "href": f"#g{shape % len(GLYPHS)}",
        "x": f"{x}%",
        "y": f"{y:g}",
        "class": f"glyph {style}",
    }
    return element("use", attributes, *([_title(label)] if label else []))


def _column(scale: Scale, dot: Dot) -> float:
    # Dots nearer than 1.2% of the width would touch on a page of usual width.
    return round(scale.at(dot.accuracy) / 1.2)


def _tallest(scale: Scale, all_dots: Sequence[Dot]) -> int:
    columns = [_column(scale, dot) for dot in all_dots]
    return max((columns.count(column) for column in set(columns)), default=0)


def _dot_text(dot: Dot) -> str:
    text = one_line(dot.text, limit=220)
    return f"{percent(dot.accuracy)} · {dot.perturbation} · {dot.instruction_id}\n{text}"


def _up(y: Scale, value: float) -> float:
    """The pixel row of a value, with room for the axis below."""
    return round((_SCATTER_HEIGHT - 40) * (1 - (y.at(value) / 100)) + 8, 1)


def _grid(x: Scale, y: Scale) -> Iterable[Markup]:
    foot = _SCATTER_HEIGHT - 32
    for tick in x.ticks:
        at = f"{x.at(tick)}%"
        yield element("line", {"class": "grid", "x1": at, "x2": at, "y1": "0", "y2": str(foot)})
        yield element("text", {"x": at, "y": str(foot + 16)}, escape(percent(tick, 0)))
    for tick in y.ticks:
        at = f"{_up(y, tick):g}"
        yield element("line", {"class": "grid", "x1": "0", "x2": "100%", "y1": at, "y2": at})
        label = {"class": "start", "x": "2", "y": f"{_up(y, tick) - 4:g}"}
        yield element("text", label, escape(percent(tick, 0)))


def _least_consistent(
    x: Scale, y: Scale, found: Sequence[tuple[int, str, str, float, float]]
) -> Iterable[Markup]:
    """Names beside the points whose answers depend most on the wording."""
    unsteady = sorted((point for point in found if point[-1] < 1), key=lambda point: point[-1])
    for _, task, level, accuracy, consistency in unsteady[:2]:
        left = x.at(accuracy) > 50
        attributes = {
            "class": "end" if left else "start",
            "x": f"{x.at(accuracy)}%",
            "y": f"{_up(y, consistency) + 4:g}",
            "dx": "-11" if left else "11",
        }
        yield element("text", attributes, escape(f"{short(task, 20)}, {level}"))


def _title(text: str) -> Markup:
    return element("title", {}, escape(visible(text)))


def element(name: str, attributes: Mapping[str, str], *children: Markup) -> Markup:
    """An element with its attributes escaped; children are markup already."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key, visible(value)) for key, value in attributes.items()
    )
    return Markup("<{}{}>{}</{}>").format(name, written, Markup("").join(children), name)
