"""Character level: what fingers, scanners and tricksters do to the letters of a word."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from harness.records import Edit
from perturbations.base import Apply, Draft, Perturbation, Subject
from perturbations.diff import draft_by
from perturbations.resources import table
from perturbations.tokens import edit_budget, free_words, shuffle_words

Rewrite = Callable[[str, Random], tuple[int, int, str] | None]
"""From a word to the change of its characters `start:end`, or None where it offers none."""

_ONE_IN_EIGHT: Final = "1 edit in each of 1 word in 8, at least 1 word"


def _in_words(rewrite: Rewrite, *, min_length: int = 4) -> Apply:
    """Changes a budget of words, one place in each; words shorter than `min_length` are left."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        budget = edit_budget(subject.text)
        words = (word for word in free_words(subject) if len(word.text) >= min_length)
        edits: list[Edit] = []
        for word in shuffle_words(words, rng):
            change = rewrite(word.text, rng)
            if change is not None:
                start, end, after = change
                before = word.text[start:end]
                edits.append(Edit(word.start + start, word.start + end, before, after))
            if len(edits) == budget:
                break
        return draft_by(subject.text, edits)

    return apply


def _inner(word: str) -> range:
    """Positions of a word between its first and last letter, which readers rely on."""
    return range(1, len(word) - 1)


def _neighbours(letter: str) -> str:
    """The keys next to a letter's, in the letter's case."""
    near = "".join(table("keyboard").get(letter.lower(), ()))
    return near.upper() if letter.isupper() else near


def _hit_neighbour(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [i for i in _inner(word) if _neighbours(word[i])]
    if not places:
        return None
    place = rng.choice(places)
    return place, place + 1, rng.choice(_neighbours(word[place]))


def _swap_letters(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [i for i in _inner(word)[:-1] if word[i].isalpha() and word[i + 1].isalpha()]
    places = [i for i in places if word[i] != word[i + 1]]
    if not places:
        return None
    place = rng.choice(places)
    return place, place + 2, word[place + 1] + word[place]


def _drop_letter(word: str, rng: Random) -> tuple[int, int, str] | None:
    place = rng.choice(_inner(word))
    return place, place + 1, ""


def _add_letter(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [i for i in _inner(word) if _neighbours(word[i])]
    if not places:
        return None
    place = rng.choice(places)
    extra = rng.choice(_neighbours(word[place]))
    place += rng.randrange(2)
    return place, place, extra


def _repeat_letter(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [
        i for i in _inner(word) if word[i].isalpha() and word[i] not in (word[i - 1], word[i + 1])
    ]
    if not places:
        return None
    place = rng.choice(places)
    return place + 1, place + 1, word[place]


KEYBOARD: Final = Perturbation(
    name="keyboard",
    level="character",
    description=(
        "An inner letter becomes the one on a neighbouring QWERTY key (Belinkov and Bisk 2018; "
        "Pruthi et al. 2019)."
    ),
    apply=_in_words(_hit_neighbour),
    strength=_ONE_IN_EIGHT,
)

SWAP: Final = Perturbation(
    name="swap",
    level="character",
    description="Two adjacent inner letters change places (Pruthi et al. 2019; Gao et al. 2018).",
    apply=_in_words(_swap_letters),
    strength=_ONE_IN_EIGHT,
)

DROP: Final = Perturbation(
    name="drop",
    level="character",
    description="An inner letter is left out (Pruthi et al. 2019; Gao et al. 2018).",
    apply=_in_words(_drop_letter),
    strength=_ONE_IN_EIGHT,
)

ADD: Final = Perturbation(
    name="add",
    level="character",
    description="A neighbouring key is hit together with an inner letter's (Pruthi et al. 2019).",
    apply=_in_words(_add_letter),
    strength=_ONE_IN_EIGHT,
)

REPEAT: Final = Perturbation(
    name="repeat",
    level="character",
    description="An inner letter is typed twice (after the typos of Naplava et al. 2021).",
    apply=_in_words(_repeat_letter),
    strength=_ONE_IN_EIGHT,
)
