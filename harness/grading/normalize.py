"""SQuAD's normalisation of answers, by which exact match and token F1 compare.

Source: `normalize_answer` of the evaluation script of SQuAD v1.1 (Rajpurkar et al. 2016,
https://rajpurkar.github.io/SQuAD-explorer/); for other languages the punctuation of MLQA's script
(Lewis et al. 2020, arXiv:1910.07475).
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Final, Literal

Language = Literal["en", "other"]
"""`en`: SQuAD's own normalisation. `other`: articles count, and all Unicode punctuation goes."""

Normalization = Literal["squad", "case", "none"]
"""`squad`: by `normalize_answer`. `case`: the case of letters does not count. `none`: everything
counts. White space at the ends of a text never does."""

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_ASCII_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str, language: Language = "en") -> str:
    """Lower case, without punctuation and (in English) articles, single spaces.

    Example:
        >>> normalize_answer("The  Eiffel-Tower, Paris.")
        'eiffeltower paris'
        >>> normalize_answer("¿Die a-Moll-Sonate?", "other")
        'die amollsonate'
    """
    text = text.lower().translate(_ASCII_PUNCTUATION)
    if language == "en":
        text = _ARTICLES.sub(" ", text)
    else:
        text = "".join(one for one in text if not unicodedata.category(one).startswith("P"))
    return " ".join(text.split())


def normalize(text: str, how: Normalization, language: Language = "en") -> str:
    """The text without what does not count.

    Example:
        >>> normalize(" The end. ", "case"), normalize(" The end. ", "squad")
        ('the end.', 'end')
    """
    if how == "squad":
        return normalize_answer(text, language)
    return (text.lower() if how == "case" else text).strip()
