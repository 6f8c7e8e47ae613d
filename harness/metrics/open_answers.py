"""Answers in free text: when two of them are the same, and codes for those of one example."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

from harness.stats.arrays import Booleans


def fold_answer(answer: str) -> str:
    """An answer as agreement compares it: without case, punctuation and extra spaces.

    Example:
        >>> fold_answer("  The Eiffel-Tower. ") == fold_answer("the eiffel tower")
        True
    """
    text = unicodedata.normalize("NFKC", answer).casefold()
    kept = "".join(letter if _counts(letter) else " " for letter in text)
    return " ".join(kept.split()) or " ".join(text.split())


def code_by_example(
    answer: NDArray[np.signedinteger], present: Booleans
) -> tuple[NDArray[np.signedinteger], int]:
    """Codes that tell apart the answers to one example [K, N], and how many an example has at most.

    Free text has about as many answers as cells; those of one example are few.

    Args:
        answer: codes of answers, negative where unparsed.
        present: which cells are there.

    Example:
        >>> import numpy as np
        >>> codes, most = code_by_example(np.array([[7, 9], [7, 3]]), np.ones((2, 2), dtype=bool))
        >>> codes, most
        (array([[0, 1],
               [0, 0]]), 2)
    """
    known = present & (answer >= 0)
    values = np.where(known, answer, -1)
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    new = np.ones(ordered.shape, dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    ranks = np.cumsum(new & (ordered >= 0), axis=0) - 1
    codes = np.empty_like(ranks)
    np.put_along_axis(codes, order, ranks, axis=0)
    return np.where(known, codes, -1), int(ranks.max(initial=-1)) + 1


def _counts(letter: str) -> bool:
    """Whether a character is more than punctuation; signs of money and mathematics are."""
    return not unicodedata.category(letter).startswith(("P", "Z", "C"))
