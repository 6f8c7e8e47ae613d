"""How far a perturbed text is from its original, and whether what must not change did not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from harness.core.records import Validity
from perturbations.audit import protected_intact
from perturbations.base import Draft

Similarity = Callable[[str, str], float]
"""Gives the cosine of the embeddings of two texts; injected, so that no encoder is loaded here."""

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
    """
    return Validity(
        words_changed=words_changed(original, draft.text),
        char_distance=char_distance(original, draft.text),
        protected_intact=protected_intact(original, draft.text, label_words),
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
