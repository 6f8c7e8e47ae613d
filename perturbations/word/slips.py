"""Word level, slips of the pen: a word misspelt, left out, doubled, split, joined or moved."""

from __future__ import annotations

import re
from random import Random
from typing import Final

from harness.core.records import Edit
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import draft_by
from perturbations.resources import word_list
from perturbations.tokens import (
    ONE_WORD_IN_EIGHT,
    Word,
    edit_budget,
    free_words,
    in_words,
    is_protected,
    neighbours,
)

_VOWELS: Final = "aeiouy"
_SET_PHRASE: Final = re.compile(r" (?:most|least|all|once|first|last|more|less|fewer|order)\b")
_AFTER_BE: Final = re.compile(r"\b(?:is|are|was|were|be|as) an? $")
# Without it many are any: `a word that uses these letters`.
_POINTS: Final = frozenset({"these", "those"})
# `Choose up to five` sets a bound.
_UP_TO: Final = re.compile(r"\bup to $", re.IGNORECASE)
# Two letters for one sound: no hyphen comes between them.
_DIGRAPHS: Final = frozenset({"th", "ch", "sh", "ph", "wh", "ck", "gh", "qu", "ng"})


def _split_word(word: str, rng: Random) -> tuple[int, int, str] | None:
    place = rng.randrange(2, len(word) - 1)
    return place, place, " "


def _hyphenate(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [place for place in range(2, len(word) - 1) if _parts_syllables(word.lower(), place)]
    if not places:
        return None
    place = rng.choice(places)
    return place, place, "-"


def _parts_syllables(word: str, place: int) -> bool:
    """Whether a syllable may begin at `place`: `pa-per`, `sen-tence`, not `choo-se`."""
    before, after = word[:place], word[place:]
    if before[-1] + after[0] in _DIGRAPHS or after[0] in _VOWELS or after[1] not in _VOWELS:
        return False
    if not _has_vowel(after.removesuffix("e")):
        return False
    return before[-1] in _VOWELS or (before[-1].isalpha() and before[-2] in _VOWELS)


def _has_vowel(part: str) -> bool:
    return any(letter in _VOWELS for letter in part)


def _merge_words(subject: Subject, rng: Random) -> Draft | None:
    pairs = _choose_pairs(neighbours(subject), subject, rng)
    return draft_by(subject.text, [Edit(a.end, b.start, " ", "") for a, b in pairs])


def _swap_words(subject: Subject, rng: Random) -> Draft | None:
    movable = [
        (a, b)
        for a, b in neighbours(subject)
        if _is_movable(a) and _is_movable(b) and not _is_hyphenated(a, b, subject.text)
    ]
    pairs = _choose_pairs(movable, subject, rng)
    return draft_by(subject.text, [edit for a, b in pairs for edit in _exchange(a, b)])


def _repeat_words(subject: Subject, rng: Random) -> Draft | None:
    words = [word for word in free_words(subject) if _is_movable(word)]
    chosen = rng.sample(words, min(len(words), edit_budget(subject)))
    return draft_by(
        subject.text, [Edit(word.end, word.end, "", f" {word.text}") for word in chosen]
    )


def _drop_function_words(subject: Subject, rng: Random) -> Draft | None:
    droppable = word_list("function_words")
    words = [
        (word, gap)
        for word in free_words(subject)
        if word.text.lower() in droppable
        and not _is_needed(word, subject.text)
        and (gap := _gap_of(word, subject)) is not None
    ]
    chosen = rng.sample(words, min(len(words), edit_budget(subject)))
    text = subject.text
    return draft_by(text, [Edit(start, end, text[start:end], "") for _, (start, end) in chosen])


def _is_needed(word: Word, text: str) -> bool:
    """Whether the sentence says something else without the word: `at most`, `is a lead`."""
    # A capital within a sentence is a name: `Sentence A`.
    if word.text[0].isupper() and text[max(0, word.start - 2) : word.start].strip(" ").isalnum():
        return True
    if word.text.lower() in _POINTS:
        return True
    led = text[max(0, word.start - 6) : word.end] + " "
    if _UP_TO.search(led):
        return True
    return bool(_SET_PHRASE.match(text, word.end) or _AFTER_BE.search(led))


def _insert_fillers(subject: Subject, rng: Random) -> Draft | None:
    fillers = sorted(word_list("fillers"))
    gaps = [b.start - 1 for _, b in neighbours(subject)]
    chosen = rng.sample(gaps, min(len(gaps), max(1, edit_budget(subject) // 2)))
    edits = [Edit(gap, gap, "", f", {rng.choice(fillers)},") for gap in chosen]
    return draft_by(subject.text, edits)


def _choose_pairs(
    pairs: list[tuple[Word, Word]], subject: Subject, rng: Random
) -> list[tuple[Word, Word]]:
    """A budget of pairs that share no word."""
    chosen: list[tuple[Word, Word]] = []
    taken: set[Word] = set()
    for pair in rng.sample(pairs, len(pairs)):
        if len(chosen) < edit_budget(subject) and taken.isdisjoint(pair):
            chosen.append(pair)
            taken.update(pair)
    return chosen


def _exchange(a: Word, b: Word) -> tuple[Edit, Edit]:
    return Edit(a.start, a.end, a.text, b.text), Edit(b.start, b.end, b.text, a.text)


def _is_movable(word: Word) -> bool:
    """A name or the first word of a sentence shows by its capital that it was moved."""
    return word.text[0].islower()


def _is_hyphenated(a: Word, b: Word, text: str) -> bool:
    """Whether a pair would take a compound apart: `a one-sentence answer`."""
    return text[a.start - 1 : a.start] == "-" or text[b.end : b.end + 1] == "-"


def _gap_of(word: Word, subject: Subject) -> tuple[int, int] | None:
    """The word with the space that goes with it, or None where it stands in no line of words."""
    text = subject.text
    if text[word.end : word.end + 1] == " ":
        return word.start, word.end + 1
    if text[word.start - 1 : word.start] == " " and not is_protected(
        word.start - 1, word.end, subject.protected
    ):
        return word.start - 1, word.end
    return None


SPLIT: Final = Perturbation(
    name="word-split",
    level="word",
    description="A space breaks a word in two (Li et al. 2019, TextBugger).",
    apply=in_words(_split_word, min_length=6),
    amount=ONE_WORD_IN_EIGHT,
    languages=("any",),
    graded=True,
)

MERGE: Final = Perturbation(
    name="word-merge",
    level="word",
    description="The space between two words is left out (Eger and Benz 2020).",
    apply=_merge_words,
    amount="1 space for each 8 words, at least 1",
    languages=("any",),
    graded=True,
)

HYPHENATION: Final = Perturbation(
    name="hyphenation",
    level="word",
    description="A hyphen is left inside a word, as from a line break (Eger and Benz 2020).",
    apply=in_words(_hyphenate, min_length=6),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)

WORD_ORDER: Final = Perturbation(
    name="word-order",
    level="word",
    description="Two neighbouring words change places (Wei and Zou 2019; Moradi and Samwald 2021).",
    apply=_swap_words,
    amount="1 pair for each 8 words, at least 1",
    languages=("any",),
    graded=True,
)

WORD_REPEAT: Final = Perturbation(
    name="word-repeat",
    level="word",
    description="A word is written twice (Moradi and Samwald 2021).",
    apply=_repeat_words,
    amount=ONE_WORD_IN_EIGHT,
    languages=("any",),
    graded=True,
)

FUNCTION_WORD_DROP: Final = Perturbation(
    name="stopword-drop",
    level="word",
    description="An article, preposition or auxiliary is left out (after Wei and Zou 2019).",
    apply=_drop_function_words,
    amount="1 for each 8 words, at least 1",
    graded=True,
)

FILLER: Final = Perturbation(
    name="filler",
    level="word",
    description="A filler such as 'um' interrupts (Dhole et al. 2021, NL-Augmenter).",
    apply=_insert_fillers,
    amount="1 for each 16 words, at least 1",
    graded=True,
)
