"""The verbs that instructions are given in, their forms, and what each does in an instruction."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb in the base form; a phrasal verb keeps its particle (`figure out`)."""

    base: str
    ing: str = ""
    """Irregular -ing form."""
    ed: str = ""
    """Irregular past participle."""
    noun: str = ""
    """What stands for the verb in a nominal style: `the classification of`."""
    clause_noun: str = ""
    """The same before `whether`, where it differs."""
    casual: str = ""
    formal: str = ""
    decides: bool = False
    """Takes `whether`: determine, decide, see."""
    prepares: bool = False
    """Says what to look at before the task proper: read, examine, compare."""
    answers: bool = False
    """Says how to answer, whatever its object: respond, reply."""
    gives: bool = False
    """Says how to answer where its object is a label: choose, give, say."""
    what: bool = False
    """Asks for its object: `determine the tone` is `what is the tone`."""
    names: bool = False
    """Gives its object a label: `classify the tone as ...`."""
    moves: bool = False
    """Takes its object from somewhere to somewhere: translate, extract."""
    nounlike: bool = False
    """Is as often a noun, so that its neighbours must decide."""
    passive: bool = True

    @property
    def gerund(self) -> str:
        """The -ing form: `classifying`, `figuring out`."""
        head, _, particle = self.base.partition(" ")
        return f"{self.ing or _regular_ing(head)} {particle}".rstrip()

    @property
    def participle(self) -> str:
        """The past participle: `classified`, `figured out`."""
        head, _, particle = self.base.partition(" ")
        return f"{self.ed or past_form(head)} {particle}".rstrip()


@cache
def verbs() -> dict[str, Verb]:
    """Every known verb by its base form."""
    data = json.loads(files("perturbations").joinpath("data/verbs.json").read_text("utf-8"))
    return {base: Verb(base=base, **fields) for base, fields in data.items()}


@cache
def gerunds() -> dict[str, Verb]:
    """Every known verb by its -ing form."""
    return {verb.gerund: verb for verb in verbs().values()}


def verb_at(text: str) -> Verb | None:
    """The verb that `text` begins with, the longest where several fit (`find out` over `find`)."""
    words = _FIRST_WORDS.findall(text[:40].lower())[:3]
    for count in range(len(words), 0, -1):
        phrase = " ".join(words[:count])
        if phrase in verbs() and re.match(rf"{phrase}\b", text, re.IGNORECASE):
            return verbs()[phrase]
    return None


def past_form(base: str) -> str:
    """The regular past form: `classified`, `liked`."""
    if base.endswith("e"):
        return base + "d"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    return _doubled(base) + "ed"


def third_person(base: str) -> str:
    """The form after `it`: `entails`, `has`, `implies`."""
    irregular = {"have": "has", "be": "is", "do": "does", "go": "goes"}
    if base in irregular:
        return irregular[base]
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return base + ("es" if re.search(r"(?:s|x|z|ch|sh)$", base) else "s")


def _regular_ing(base: str) -> str:
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        return base[:-1] + "ing"
    return _doubled(base) + "ing"


def _doubled(base: str) -> str:
    """The base with its last letter twice where the spelling asks for it: `flagg`, `submitt`."""
    return base + base[-1] if _DOUBLING.search(base) else base


# One syllable that ends in consonant, vowel, consonant, or a stressed last one like it.
_DOUBLING: Final = re.compile(
    r"^(?:[^aeiou]*|qu)[aeiou][bdfgklmnprtz]$|(?:mit|fer|cur|pel|gin|get|fit|quip|trol)$"
)
_FIRST_WORDS: Final = re.compile(r"[a-z]+")
