"""Whether a text is English, which most of the catalogue is made for.

A guess by common words, good enough to keep English rules off other languages: the rules would
change words that they do not know (`in`, `an` and `was` are German as well).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Final

from harness.core.records import LeftOut
from perturbations.base import Perturbation, Subject
from perturbations.protected_patterns import LABEL, NEGATION, NUMBER
from perturbations.resources import word_list
from perturbations.tokens import find_words, overlaps
from perturbations.word.lexicon import lexicon

ENGLISH: Final = "English"
_LEAST_SHARE: Final = 0.1
_FEW_WORDS: Final = 4
# Words of other languages, too.
_AMBIGUOUS: Final = frozenset(
    {"a", "am", "an", "as", "do", "he", "i", "in", "is", "it", "me", "no", "of", "on", "or", "so"}
    | {"was", "will", "all", "over", "under", "up"}
)


def why_left_out(perturbation: Perturbation, subject: Subject) -> LeftOut | None:
    """Return a record of what keeps a perturbation off a text of another language, or None.

    Args:
        perturbation: One with `languages` of `("any",)` is made for every text.
        subject: The text; what is protected in it says nothing about its language.
    """
    if "any" in perturbation.languages or is_english(subject):
        return None
    return LeftOut(perturbation.name, perturbation.level, "language", ENGLISH)


def is_english(subject: Subject) -> bool:
    """Return whether the words of a text outside of code and its like are English.

    What is too short to tell is English unless half of its words have letters that English lacks.
    """
    spans = tuple(span for span in subject.protected if span.reason not in _SPOKEN)
    said = (w for w in find_words(subject.text) if not overlaps(w.start, w.end, spans))
    return _is_english(tuple(word.text.lower() for word in islice(said, _ENOUGH)))


@lru_cache(maxsize=256)
def _is_english(words: tuple[str, ...]) -> bool:
    foreign_letters = sum(not word.replace("’", "'").isascii() for word in words)
    if len(words) < _FEW_WORDS:
        return 2 * foreign_letters <= len(words)
    english = sum(re.split("['’]", word)[0] in _english_words() for word in words)
    foreign = foreign_letters + sum(word in word_list("other_function_words") for word in words)
    return english >= max(1, _LEAST_SHARE * len(words)) and english >= foreign


@lru_cache(maxsize=1)
def _english_words() -> frozenset[str]:
    heads = {word for some in lexicon().values() for head in some for word in head.split()}
    return frozenset((word_list("stopwords") | heads) - _AMBIGUOUS)


_ENOUGH: Final = 500
_SPOKEN: Final = frozenset({LABEL, NEGATION, NUMBER, "quotation"})
