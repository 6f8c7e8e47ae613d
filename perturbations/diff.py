"""The word-level difference of two texts, as edits that replay."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final

from harness.core.records import Edit
from perturbations.base import Draft

# The matcher takes up to the cube of a length.
_MAX_PAIRS: Final = 250_000
_TOKEN: Final = re.compile(r"\w+(?:['’\-]\w+)*|\s+|[^\w\s]")


def word_edits(original: str, text: str) -> tuple[Edit, ...]:
    """The edits, whole words at a time, that lead from `original` to `text`.

    What the two begin and end with is left out first. Where the rest is too long to be compared
    word by word in good time, it is one edit.
    """
    old, new = _TOKEN.findall(original), _TOKEN.findall(text)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    starts = _offsets(old)[head:]
    return tuple(
        Edit(starts[i1], starts[i2], "".join(left[i1:i2]), "".join(right[j1:j2]))
        for i1, i2, j1, j2 in _differences(left, right)
    )


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


def _common(old: list[str], new: list[str]) -> int:
    """How many tokens two lists begin with together."""
    pairs = zip(old, new, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _differences(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    """Slices `i1:i2` of `old` that become `j1:j2` of `new`."""
    if not old and not new:
        return []
    if len(old) * len(new) > _MAX_PAIRS:
        return [(0, len(old), 0, len(new))]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(i1, i2, j1, j2) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]


def _offsets(tokens: list[str]) -> list[int]:
    offsets = [0]
    for token in tokens:
        offsets.append(offsets[-1] + len(token))
    return offsets
