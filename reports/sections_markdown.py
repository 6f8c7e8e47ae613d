"""The sections of the user's packages as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reports.markdown_text import escape, table
from reports.view import ReportView
from reports.visible import TEXT_LIMIT


def section_lines(view: ReportView) -> Iterator[str]:
    """Each section with what it says of each run."""
    for section in view.sections:
        yield from (f"## {escape(section.title)}", "")
        for one in section.tables:
            if len(view.runs) > 1:
                yield from (f"### {escape(one.run)}", "")
            if one.text:
                yield from (escape(one.text, limit=TEXT_LIMIT), "")
            if one.columns:
                rows = [[*map(escape, row)] for row in one.rows]
                yield from (*table([*map(escape, one.columns)], rows, left=len(one.columns)), "")
