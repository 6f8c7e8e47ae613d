"""Texts, tables and marks as Markdown that shows them as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from reports.diff import Mark
from reports.visible import one_line, visible

# What GitHub reads as markup inside a line; < > & become entities, which every renderer agrees on.
_MARKUP: Final = re.compile(r"[\\`*_\[\]|~$#@]|(?<=w)\.(?=\S)|(?<=[a-zA-Z]):(?=//)")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}


def escape(text: object, *, limit: int = 400) -> str:
    """Text that Markdown shows as it is, on one line and inside a table."""
    shown = one_line(text, limit=limit)
    entities = "".join(_ENTITIES.get(letter, letter) for letter in shown.replace("@", "\x00"))
    return _MARKUP.sub(r"\\\g<0>", entities).replace("\x00", _ENTITIES["@"])


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> list[str]:
    """A table whose first `left` columns are text and whose others are numbers."""
    rule = [":--" if column < left else "--:" for column in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def mark_markdown(marks: Sequence[Mark]) -> str:
    """Word-level marks as `<del>` and `<ins>`, which work inside words and beside punctuation."""
    tags = {"same": "", "removed": "del", "added": "ins"}
    parts = []
    for mark in marks:
        text, tag = escape(mark.text, limit=2000), tags[mark.kind]
        parts.append(f"<{tag}>{text}</{tag}>" if tag else text)
        if mark.note:
            parts.append(f" <sub>({escape(mark.note)})</sub>")
    return "".join(parts)


def code_block(text: str) -> list[str]:
    """Text as a fenced block that nothing in the text can close."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *shown.split("\n"), fence]
