"""The word-level difference of two texts, as edits that replay."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from harness.records import Edit
from perturbations.base import Draft

_TOKEN: Final = re.compile(r"\w+(?:['’\-]\w+)*|\s+|[^\w\s]")


def word_edits(original: str, text: str) -> tuple[Edit, ...]:
    """The edits, whole words at a time, that lead from `original` to `text`."""
    old, new = _TOKEN.findall(original), _TOKEN.findall(text)
    starts = _offsets(old)
    edits: list[Edit] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            edits.append(Edit(starts[i1], starts[i2], "".join(old[i1:i2]), "".join(new[j1:j2])))
    return tuple(edits)


def replay(original: str, edits: Iterable[Edit]) -> str:
    """`original` with the edits made; they are in its coordinates and do not overlap."""
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [original[done : edit.start], edit.after]
        done = edit.end
    return "".join([*parts, original[done:]])


def draft_of(original: str, text: str) -> Draft | None:
    """The draft that replaces `original` by `text`, or None where they are the same."""
    if text == original:
        return None
    return Draft(text=text, edits=word_edits(original, text))


def draft_by(original: str, edits: Iterable[Edit]) -> Draft | None:
    """The draft that the edits make, or None where they change nothing."""
    real = tuple(
        sorted((e for e in edits if e.before != e.after), key=lambda edit: (edit.start, edit.end))
    )
    return Draft(text=replay(original, real), edits=real) if real else None


def _offsets(tokens: list[str]) -> list[int]:
    offsets = [0]
    for token in tokens:
        offsets.append(offsets[-1] + len(token))
    return offsets
