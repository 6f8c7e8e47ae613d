"""Character level, glyphs: letters that look like others, to a reader or to a scanner."""

from __future__ import annotations

from random import Random
from typing import Final

from perturbations.base import Perturbation
from perturbations.resources import table
from perturbations.tokens import ONE_IN_FIVE, ONE_WORD_IN_FIVE, Rewrite, in_letters, inner

# Zero-width space, non-joiner, joiner, and word joiner.
_ZERO_WIDTH: Final = "\u200b\u200c\u200d\u2060"


def _replace_by(name: str) -> Rewrite:
    """Replaces one letter, or group of letters, by one of its alternatives in a shipped table."""

    def rewrite(word: str, rng: Random) -> tuple[int, int, str] | None:
        places = [
            (start, end)
            for start in range(len(word))
            for end in (start + 1, start + 2)
            if end <= len(word) and word[start:end] in table(name)
        ]
        if not places:
            return None
        start, end = rng.choice(places)
        return start, end, rng.choice(table(name)[word[start:end]])

    return rewrite


def _write_leet(word: str, rng: Random) -> tuple[int, int, str] | None:
    digits = table("leet")
    return 0, len(word), "".join(rng.choice(digits.get(char.lower(), (char,))) for char in word)


def _insert_invisible(word: str, rng: Random) -> tuple[int, int, str] | None:
    place = rng.choice(inner(word)) + rng.randrange(2)
    return place, place, rng.choice(_ZERO_WIDTH)


HOMOGLYPH: Final = Perturbation(
    name="homoglyph",
    level="character",
    description="A letter becomes a like-looking Cyrillic or Greek one (Boucher et al. 2022).",
    apply=in_letters(_replace_by("homoglyphs")),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

INVISIBLE: Final = Perturbation(
    name="invisible",
    level="character",
    description="A zero-width character is put inside a word (Boucher et al. 2022).",
    apply=in_letters(_insert_invisible, min_length=3),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

ACCENT: Final = Perturbation(
    name="accent",
    level="character",
    description="A letter is given an accent (Eger et al. 2019).",
    apply=in_letters(_replace_by("accents")),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)

LEET: Final = Perturbation(
    name="leet",
    level="character",
    description="Digits and signs stand for like-looking letters (Li et al. 2019, TextBugger).",
    apply=in_letters(_write_leet, repeats=False),
    amount=ONE_WORD_IN_FIVE,
    languages=("any",),
    graded=True,
)

OCR: Final = Perturbation(
    name="ocr",
    level="character",
    description="A scanner's error, such as rn for m or 0 for o (Dhole et al. 2021, NL-Augmenter).",
    apply=in_letters(_replace_by("ocr")),
    amount=ONE_IN_FIVE,
    languages=("any",),
    graded=True,
)
