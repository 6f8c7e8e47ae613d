"""How far a perturbed text is from its original, and whether what must not change did not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import replace
from typing import Final

from harness.core.records import Edit, Validity
from perturbations.audit import protected_intact
from perturbations.base import Draft
from perturbations.diff import replay

Similarity = Callable[[str, str], float]
"""Returns the cosine of two texts' embeddings; injected, so that no encoder is loaded here."""

_LONG: Final = 10_000
_REACH: Final = 100
"""Characters on either side of an edit in which the end of its word is looked for."""
_WORD: Final = re.compile(r"\w+(?:['’-]\w+)*")


def measure(
    original: str,
    draft: Draft,
    label_words: Sequence[str],
    similarity: Similarity | None = None,
) -> Validity:
    """How far a draft is from `original`, and whether it still says what must not change.

    Args:
        original: The text before the perturbation.
        draft: What the perturbation made of it.
        label_words: What the task's answers are called; the audit looks for them.
        similarity: An encoder's cosine; without one `similarity` stays None.

    Both distances take the square of a text's length. Of a text of more than 10,000 characters
    only what the edits touch is compared, which is linear and may overstate either a little.
    """
    return Validity(
        words_changed=_words_changed(original, draft),
        char_distance=_char_distance(original, draft),
        protected_intact=protected_intact(original, draft.text, label_words),
        similarity=None if similarity is None else similarity(original, draft.text),
    )


def _words_changed(original: str, draft: Draft) -> float:
    count = len(_WORD.findall(original))
    if len(original) <= _LONG or not count:
        return words_changed(original, draft.text)
    changed = 0
    for before, after in _windows(original, draft.edits):
        old, new = _WORD.findall(before), _WORD.findall(after)
        changed += len(old) - (_common_subsequence(old, new) if _is_small(old, new) else 0)
    return changed / count


def _char_distance(original: str, draft: Draft) -> int:
    if len(original) <= _LONG:
        return char_distance(original, draft.text)
    return sum(
        char_distance(edit.before, edit.after)
        if _is_small(edit.before, edit.after)
        else max(len(edit.before), len(edit.after))
        for edit in draft.edits
    )


def _is_small(old: Sized, new: Sized) -> bool:
    return len(old) * len(new) <= _LONG**2


def _windows(original: str, edits: Sequence[Edit]) -> Iterator[tuple[str, str]]:
    """The whole words that edits touch, before and after; neighbouring words are one window."""
    windows: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        start, end = edit.start, edit.end
        while start > max(0, edit.start - _REACH) and not original[start - 1].isspace():
            start -= 1
        while end < min(len(original), edit.end + _REACH) and not original[end].isspace():
            end += 1
        if windows and start <= windows[-1][1] + 1:
            first, last, some = windows.pop()
            windows.append((first, max(last, end), [*some, edit]))
        else:
            windows.append((start, end, [edit]))
    for start, end, some in windows:
        moved = [replace(e, start=e.start - start, end=e.end - start) for e in some]
        yield original[start:end], replay(original[start:end], moved)


def words_changed(original: str, text: str) -> float:
    """Share of the original's words that are not in `text` in the same order, in [0, 1].

    One minus the longest common subsequence of words over the original's words; words that are
    only added count nothing. Without words in the original: 1.0 if the texts differ.
    """
    old, new = _WORD.findall(original), _WORD.findall(text)
    if not old:
        return float(original != text)
    return 1.0 - _common_subsequence(old, new) / len(old)


def char_distance(original: str, text: str) -> int:
    """Levenshtein distance in characters.

    Bit-parallel (Myers 1999, in Hyyrö's 2003 form): a column of the edit matrix is one integer.
    """
    original, text = _without_common_ends(original, text)
    if not original:
        return len(text)
    ones = (1 << len(original)) - 1
    last = 1 << (len(original) - 1)
    masks = _position_masks(original)
    up, down, distance = ones, 0, len(original)
    for char in text:
        match = masks.get(char, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        right = down | (ones & ~(diagonal | up))
        left = up & diagonal
        distance += bool(right & last) - bool(left & last)
        right = (right << 1 | 1) & ones
        up = (left << 1 & ones) | (ones & ~(diagonal | right))
        down = right & diagonal
    return distance


def _without_common_ends(a: str, b: str) -> tuple[str, str]:
    """Both texts less what they begin and what they end with in common."""
    start = _common_prefix(a, b)
    end = _common_prefix(a[start:][::-1], b[start:][::-1])
    return a[start : len(a) - end], b[start : len(b) - end]


def _common_prefix(a: str, b: str) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((place for place, (x, y) in pairs if x != y), min(len(a), len(b)))


def _common_subsequence(old: Sequence[str], new: Sequence[str]) -> int:
    """Length of the longest common subsequence (Hyyrö 2004, bit-parallel)."""
    ones = (1 << len(old)) - 1
    masks = _position_masks(old)
    column = ones
    for word in new:
        kept = column & masks.get(word, 0)
        column = ((column + kept) | (column - kept)) & ones
    return len(old) - column.bit_count()


def _position_masks(items: Sequence[str]) -> dict[str, int]:
    """Item -> integer with a bit set at each position where it stands."""
    masks: dict[str, int] = {}
    for position, item in enumerate(items):
        masks[item] = masks.get(item, 0) | 1 << position
    return masks
