"""Which label words a text names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from perturbations.label_patterns import whole_word


def named_labels(text: str, label_words: Iterable[str]) -> frozenset[str]:
    """The label words that stand in the text as whole words, in any case.

    The longest are looked for first and taken out, so that "not_entailment" does not stand for
    "entailment" as well.
    """
    named: set[str] = set()
    for word in sorted(label_words, key=len, reverse=True):
        text, count = re.subn(whole_word(word), " ", text, flags=re.IGNORECASE)
        if count:
            named.add(word)
    return frozenset(named)


def keeps_labels(original: str, text: str, label_words: Iterable[str]) -> bool:
    """Whether the text names every label word that the original names."""
    words = tuple(label_words)
    return named_labels(original, words) <= named_labels(text, words)
