"""The words of a text, and which of them a perturbation may and should change."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Final
from unicodedata import combining

from harness.core.records import Edit
from perturbations.base import Apply, Draft, Span, Subject
from perturbations.diff import draft_by
from perturbations.label_patterns import JOINED_SCRIPT
from perturbations.resources import word_list

# Letters only, with inner apostrophes; nothing that a digit or an underscore touches.
_WORD: Final = re.compile(r"(?<!\w)[^\W\d_]+(?:['’][^\W\d_]+)*(?!\w)")
ONE_IN_FIVE: Final = "1 place in 1 word of 5, at least 1 word"
ONE_WORD_IN_FIVE: Final = "1 word in 5, at least 1"
ONE_WORD_IN_EIGHT: Final = "1 word in 8, at least 1"


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands."""

    start: int
    end: int
    text: str


Rewrite = Callable[[str, Random], tuple[int, int, str] | None]
"""From a word to the change of its characters `start:end`, or None where it offers none."""


@lru_cache(maxsize=64)
def find_words(text: str) -> tuple[Word, ...]:
    """All words of a text, in order."""
    return tuple(Word(m.start(), m.end(), m.group()) for m in _WORD.finditer(text))


def free_words(subject: Subject) -> tuple[Word, ...]:
    """The words that neither overlap nor touch a protected span, in order.

    In a script without spaces a run of letters is a sentence rather than a word: there the parts
    between protected spans are free.
    """
    return _free_words(subject.text, subject.protected)


@lru_cache(maxsize=64)
def _free_words(text: str, protected: tuple[Span, ...]) -> tuple[Word, ...]:
    free: list[Word] = []
    for word in find_words(text):
        if not is_protected(word.start, word.end, protected):
            free.append(word)
        elif JOINED_SCRIPT.search(word.text):
            free += _between(word, protected)
    return tuple(free)


def _between(word: Word, protected: tuple[Span, ...]) -> Iterator[Word]:
    """The parts of a word that lie between protected spans."""
    start = word.start
    first = bisect_right(protected, word.start, key=lambda span: span.end)
    for span in protected[first:]:
        if span.start >= word.end:
            break
        if start < span.start:
            yield Word(start, span.start, word.text[start - word.start : span.start - word.start])
        start = span.end
    if start < word.end:
        yield Word(start, word.end, word.text[start - word.start :])


def neighbours(subject: Subject) -> list[tuple[Word, Word]]:
    """Pairs of free words with one space between them."""
    text = subject.text
    return [(a, b) for a, b in pairwise(free_words(subject)) if text[a.end : b.start] == " "]


def in_words(rewrite: Rewrite, *, min_length: int = 4) -> Apply:
    """Changes a budget of words, one place in each; words shorter than `min_length` are left."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        return _rewrite(subject, rng, rewrite, min_length, edit_budget(subject))

    return apply


def in_letters(rewrite: Rewrite, *, min_length: int = 4, repeats: bool = True) -> Apply:
    """Character noise: changes a share of the words as the subject's strength says.

    `repeats` says that a long word may be changed at several places.
    """

    def apply(subject: Subject, rng: Random) -> Draft | None:
        budget = noise_budget(subject)
        return _rewrite(subject, rng, rewrite, min_length, budget, repeats=repeats)

    return apply


def _rewrite(
    subject: Subject,
    rng: Random,
    rewrite: Rewrite,
    min_length: int,
    budget: int,
    *,
    repeats: bool = False,
) -> Draft | None:
    words = (word for word in free_words(subject) if _may_change(word, subject.text, min_length))
    edits: list[Edit] = []
    for word in shuffle_words(words, rng):
        times = subject.strength.edits_in(word.text) if repeats else 1
        edit = _rewrite_word(word, rewrite, times, rng)
        if edit is not None:
            edits.append(edit)
        if len(edits) == budget:
            break
    return draft_by(subject.text, edits)


def _may_change(word: Word, text: str, min_length: int) -> bool:
    """Whether a word is long enough, and no mark that belongs to a letter stands beside it."""
    beside = text[max(0, word.start - 1) : word.start] + text[word.end : word.end + 1]
    return len(word.text) >= min_length and not any(map(combining, beside))


def _rewrite_word(word: Word, rewrite: Rewrite, times: int, rng: Random) -> Edit | None:
    """The edit that changes a word that often; None where nothing comes of it."""
    text = word.text
    for _ in range(times):
        start, end, after = rewrite(text, rng) or (0, 0, "")
        text = text[:start] + after + text[end:]
    return _narrowed(word, text) if text != word.text else None


def _narrowed(word: Word, after: str) -> Edit:
    """The edit from a word to another, less what both begin and end with."""
    before, start = word.text, 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    stop = len(before) - end
    kept = after[start : len(after) - end]
    return Edit(word.start + start, word.start + stop, before[start:stop], kept)


def is_protected(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Whether `start:end` overlaps or touches one of the sorted, disjoint spans."""
    nearest = bisect_left(spans, start, key=lambda span: span.end)
    return nearest < len(spans) and spans[nearest].start <= end


def overlaps(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Whether a character of `start:end` is in one of the sorted, disjoint spans."""
    nearest = bisect_right(spans, start, key=lambda span: span.end)
    return nearest < len(spans) and spans[nearest].start < end


def is_within(place: int, spans: Sequence[Span]) -> bool:
    """Whether `place` lies inside one of the sorted, disjoint spans, its two ends left out."""
    nearest = bisect_right(spans, place + 1, key=lambda span: span.end)
    return nearest < len(spans) and spans[nearest].start < place


def edit_budget(subject: Subject, *, share: float = 1.0) -> int:
    """How many words a word-level perturbation changes, at least one; `share` scales it."""
    return _budget(subject, subject.strength.changed_words * share)


def noise_budget(subject: Subject) -> int:
    """How many words character noise changes, at least one."""
    return _budget(subject, subject.strength.noisy_words)


def _budget(subject: Subject, share: float) -> int:
    return max(1, round(len(find_words(subject.text)) * share))


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


def inner(word: str) -> range:
    """Positions of a word between its first and last letter, which readers rely on."""
    return range(1, len(word) - 1)
