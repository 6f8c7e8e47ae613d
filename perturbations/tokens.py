"""The words of a text, and which of them a perturbation may and should change."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from perturbations.base import Span, Subject
from perturbations.resources import word_list

# Letters only, with inner apostrophes; nothing that a digit or an underscore touches.
_WORD: Final = re.compile(r"(?<!\w)[^\W\d_]+(?:['’][^\W\d_]+)*(?!\w)")
_WORDS_PER_EDIT: Final = 8


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands."""

    start: int
    end: int
    text: str


def find_words(text: str) -> list[Word]:
    """All words of a text, in order."""
    return [Word(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]


def free_words(subject: Subject) -> list[Word]:
    """The words that neither overlap nor touch a protected span, in order."""
    return [
        word
        for word in find_words(subject.text)
        if not is_protected(word.start, word.end, subject.protected)
    ]


def is_protected(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Whether `start:end` overlaps or touches one of the sorted, disjoint spans."""
    nearest = bisect_left(spans, start, key=lambda span: span.end)
    return nearest < len(spans) and spans[nearest].start <= end


def edit_budget(text: str) -> int:
    """How many edits a text is given: one for each eight words, at least one."""
    return max(1, round(len(find_words(text)) / _WORDS_PER_EDIT))


def shuffle_words(words: Iterable[Word], rng: Random) -> list[Word]:
    """The words in a random order in which longer content words tend to come first.

    A weighted shuffle (Efraimidis and Spirakis, 2006): a content word weighs its length, a stop
    word a tenth of that.
    """
    drawn = [(rng.random() ** (1 / _weight(word.text)), word) for word in words]
    return [word for _, word in sorted(drawn, key=lambda pair: pair[0], reverse=True)]


def is_stop_word(word: str) -> bool:
    """Whether the word carries grammar rather than content."""
    return word.lower() in word_list("stopwords")


def _weight(word: str) -> float:
    return len(word) * (0.1 if is_stop_word(word) else 1.0)


def match_case(word: str, model: str) -> str:
    """`word` written like `model`: in capitals, with an initial capital, or as it is."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    if model[:1].isupper():
        return word[:1].upper() + word[1:]
    return word
