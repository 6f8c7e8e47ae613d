"""Character level, typing: what fingers do to the letters of a word."""

from __future__ import annotations

from random import Random
from typing import Final

from perturbations.base import Perturbation
from perturbations.resources import table
from perturbations.tokens import ONE_IN_FIVE, ONE_WORD_IN_FIVE, in_letters, inner


def _neighbours(letter: str) -> str:
    """The keys next to a letter's, in the letter's case."""
    near = "".join(table("keyboard").get(letter.lower(), ()))
    return near.upper() if letter.isupper() else near


def _hit_neighbour(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [i for i in inner(word) if _neighbours(word[i])]
    if not places:
        return None
    place = rng.choice(places)
    return place, place + 1, rng.choice(_neighbours(word[place]))


def _swap_letters(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [i for i in inner(word)[:-1] if word[i].isalpha() and word[i + 1].isalpha()]
    places = [i for i in places if word[i] != word[i + 1]]
    if not places:
        return None
    place = rng.choice(places)
    return place, place + 2, word[place + 1] + word[place]


def _drop_letter(word: str, rng: Random) -> tuple[int, int, str] | None:
    place = rng.choice(inner(word))
    return place, place + 1, ""


def _add_letter(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [i for i in inner(word) if _neighbours(word[i])]
    if not places:
        return None
    place = rng.choice(places)
    extra = rng.choice(_neighbours(word[place]))
    place += rng.randrange(2)
    return place, place, extra


def _repeat_letter(word: str, rng: Random) -> tuple[int, int, str] | None:
    places = [
        i for i in inner(word) if word[i].isalpha() and word[i] not in (word[i - 1], word[i + 1])
    ]
    if not places:
        return None
    place = rng.choice(places)
    return place + 1, place + 1, word[place]


def _scramble(word: str, rng: Random) -> tuple[int, int, str] | None:
    letters = [*word[1:-1]]
    rng.shuffle(letters)
    return 1, len(word) - 1, "".join(letters)


def _drop_vowels(word: str, _: Random) -> tuple[int, int, str] | None:
    return 1, len(word), "".join(char for char in word[1:] if char.lower() not in "aeiou")


KEYBOARD: Final = Perturbation(
    name="keyboard",
    level="character",
    description=(
        "An inner letter becomes the one on a neighbouring QWERTY key (Belinkov and Bisk 2018; "
        "Pruthi et al. 2019)."
    ),
    apply=in_letters(_hit_neighbour),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

SWAP: Final = Perturbation(
    name="swap",
    level="character",
    description="Two adjacent inner letters change places (Pruthi et al. 2019; Gao et al. 2018).",
    apply=in_letters(_swap_letters),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

DROP: Final = Perturbation(
    name="drop",
    level="character",
    description="An inner letter is left out (Pruthi et al. 2019; Gao et al. 2018).",
    apply=in_letters(_drop_letter),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

ADD: Final = Perturbation(
    name="add",
    level="character",
    description="A neighbouring key is hit together with an inner letter's (Pruthi et al. 2019).",
    apply=in_letters(_add_letter),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

REPEAT: Final = Perturbation(
    name="repeat",
    level="character",
    description="An inner letter is typed twice (Moradi and Samwald 2021).",
    apply=in_letters(_repeat_letter),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

SCRAMBLE: Final = Perturbation(
    name="scramble",
    level="character",
    description="The inner letters of a word are shuffled (Belinkov and Bisk 2018, 'mid').",
    apply=in_letters(_scramble, min_length=5, repeats=False),
    amount=ONE_WORD_IN_FIVE,
    languages=("any",),
    graded=True,
)

DISEMVOWEL: Final = Perturbation(
    name="disemvowel",
    level="character",
    description="A word loses its vowels but a first one (Eger and Benz 2020).",
    apply=in_letters(_drop_vowels, repeats=False),
    amount=ONE_WORD_IN_FIVE,
    graded=True,
)
