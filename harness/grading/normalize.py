"""SQuAD's normalisation of answers, by which exact match and token F1 compare.

Source: `normalize_answer` of the evaluation script of SQuAD v1.1 (Rajpurkar et al. 2016,
https://rajpurkar.github.io/SQuAD-explorer/).
"""

from __future__ import annotations

import re
import string
from typing import Final, Literal

Language = Literal["en", "other"]
"""`en`: the articles a, an, the are left out; `other`: every word counts."""

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str, language: Language = "en") -> str:
    """Lower case, without ASCII punctuation and English articles, single spaces.

    Example:
        >>> normalize_answer("The  Eiffel-Tower, Paris.")
        'eiffeltower paris'
        >>> normalize_answer("die a-Moll-Sonate", "other")
        'die amollsonate'
    """
    text = text.lower().translate(_PUNCTUATION)
    if language == "en":
        text = _ARTICLES.sub(" ", text)
    return " ".join(text.split())
