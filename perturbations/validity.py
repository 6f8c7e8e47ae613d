"""How far a perturbed text is from its original, and whether what must not change did not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from harness.core.records import Edit, Validity
from perturbations.base import Draft, Span
from perturbations.protect import NEGATION, NUMBER, find_protected, whole_word

Similarity = Callable[[str, str], float]
"""Gives the cosine of the embeddings of two texts; injected, so that no encoder is loaded here."""

_WORD: Final = re.compile(r"\w+(?:['’-]\w+)*")
_QUOTES: Final = "\"'`“”‘’«» "


def measure(
    original: str,
    draft: Draft,
    protected: Sequence[Span],
    similarity: Similarity | None = None,
) -> Validity:
    """The validity of a draft of `original`."""
    return Validity(
        words_changed=words_changed(original, draft.text),
        char_distance=char_distance(original, draft.text),
        protected_intact=protected_intact(original, draft, protected),
        similarity=None if similarity is None else similarity(original, draft.text),
    )


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


def protected_intact(original: str, draft: Draft, protected: Sequence[Span]) -> bool:
    """Whether every protected string still stands in the draft.

    A span that no edit touches does. Of the equal strings that edits touch, one at least must
    stand in the draft as a whole word, beside the untouched ones: a sentence may be rebuilt
    around its label words. Of a negation, any negation will do.
    """
    touched = Counter(
        _key(original[span.start : span.end], span.reason)
        for span in protected
        if any(_touches(edit, span) for edit in draft.edits)
    )
    return all(
        _occurrences(key, draft.text) > _occurrences(key, original) - count
        for key, count in touched.items()
    )


def _touches(edit: Edit, span: Span) -> bool:
    return edit.start <= span.end and edit.end >= span.start


def _key(protected: str, reason: str) -> str:
    """What to look for in its place: a regular expression, or that any negation will do."""
    if reason == NEGATION:
        return NEGATION
    if reason == NUMBER:
        # It may touch letters (`sst2`), so only a digit next to it makes it another number.
        return rf"(?i:(?<!\d){re.escape(protected)}(?!\d))"
    # A capital at the head of a sentence is no damage; any other change of case is.
    word = protected.strip(_QUOTES) or protected
    return f"{whole_word(word)}|{whole_word(word[0].swapcase() + word[1:])}"


def _occurrences(key: str, text: str) -> int:
    if key == NEGATION:
        return sum(span.reason == NEGATION for span in find_protected(text))
    return len(re.findall(key, text))


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
