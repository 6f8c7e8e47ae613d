"""Why answers broke, as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reports.formatting import MISSING, count, number, with_interval
from reports.markdown_text import escape, table
from reports.why import TITLES, correlation_text
from reports.why_layers import LayersView
from reports.why_view import GroupRow, PairView, ShadedCell, ShadedWord, WhyView

PAIRS_SHOWN: Final = 5
"""Flips that are shown word by word; the page shows all."""
_WORD_LIMIT: Final = 60


def why_lines(why: WhyView) -> Iterator[str]:
    """The section: what was found, the tables, the words of the worst flips."""
    yield from (escape(why.opening, limit=2000), "")
    yield from (*_groups(why, "Level", why.levels), "")
    yield from (*_links(why), "")
    yield from (*_tests(why), "")
    if why.layers is not None:
        yield from _layers(why.layers)
    if why.pairs:
        yield "Words of the worst flips beside their clean twins: bold where dense."
        yield ""
        for pair in why.pairs[:PAIRS_SHOWN]:
            yield from _pair(pair)


def _groups(why: WhyView, head: str, rows: Sequence[GroupRow]) -> list[str]:
    several = why.several
    cells = [
        [
            escape(row.name),
            *([escape(row.model)] * several),
            count(row.group.cells),
            *(with_interval(row.group.measures.get(name), number, number) for name in why.columns),
        ]
        for row in rows
    ]
    titles = [head, *(["Model"] * several), "Cells", *(TITLES[name] for name in why.columns)]
    return table(titles, cells, left=1 + several)


def _links(why: WhyView) -> list[str]:
    rows = [
        [
            *([escape(row.model)] * why.several),
            f"shift of {row.shift}",
            row.outcome,
            correlation_text(row.correlation),
            count(row.correlation.cells),
        ]
        for row in why.links
    ]
    head = [
        *(["Model"] * why.several),
        "On unchanged words",
        "Goes with",
        "Rank correlation",
        "Pairs",
    ]
    return table(head, rows, left=2 + why.several) if rows else [f"No correlation: {MISSING}"]


def _tests(why: WhyView) -> list[str]:
    if not why.tests:
        return ["The explanation was not tested."]
    rows = [
        [
            *([escape(row.model)] * why.several),
            escape(row.what),
            with_interval(row.found, number, number),
            row.should_be,
        ]
        for row in why.tests
    ]
    head = [*(["Model"] * why.several), "Test of the explanation", "Found", "Should be"]
    return table(head, rows, left=1 + why.several)


def _layers(layers: LayersView) -> Iterator[str]:
    yield "What tuning changed inside, exploratory:"
    yield ""
    yield from (f"- {escape(finding, limit=1000)}" for finding in layers.findings)
    yield ""
    for shown in layers.tables:
        yield f"{shown.caption}:"
        yield ""
        rows = [[escape(cell, limit=200) for cell in row] for row in shown.rows]
        yield from table(shown.head, rows, left=len(shown.head))
        yield ""


def _pair(view: PairView) -> Iterator[str]:
    pair = view.pair
    variant = f"{escape(pair.perturbation)} of {escape(pair.instruction_id)}"
    where = f"**{escape(pair.task)}**, example {escape(pair.example_id)}"
    yield f"{where}, {variant}; right: {escape(pair.gold)}"
    yield ""
    for cell in view.cells:
        yield f"- {escape(cell.of)} → {escape(cell.said)}: {_words(cell)}"
    yield ""


def _words(cell: ShadedCell) -> str:
    return " ⏎ ".join(
        "".join(_word(word, first=n == 0) for n, word in enumerate(words))
        for _, words in cell.parts
    )


def _word(word: ShadedWord, *, first: bool) -> str:
    text = escape(word.text, limit=_WORD_LIMIT)
    # Stars would run into those of the next word, where no space parts them.
    shown = f"<b>{text}</b>" if word.is_dense else text
    shown = f"<ins>{shown}</ins>" if word.fate else shown
    return shown if first or not word.after_space else f" {shown}"
