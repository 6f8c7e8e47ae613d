"""Synonyms for the words that instructions are made of, each with where it may stand.

A hand-written lexicon: a head word, a part of speech, and for each sense the synonyms that leave
an instruction's meaning as it is. A sense of a verb may be bound to what follows the verb:
`check whether` is `verify whether`, `check the grammar` is `examine the grammar`. Words that
define a task (sentiment, entailment, equivalent, grammatical) are no head words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from perturbations.word.wordforms import inflect

PartOfSpeech = Literal["verb", "noun", "adjective", "adverb", "phrase"]
Senses = Mapping[str, Sequence[str]]
"""Condition on what follows -> synonyms. The empty condition always holds; `NP` (a noun phrase),
`CLAUSE` (if, whether, how ...), `QUOTE` (a quotation), `TEXT` (what is reworded: `the sentence`),
`PIECE` (what is written: `a letter`), `LIST` (a list) and `END` (nothing, or a mark) are classes,
anything else is a list of words. `AFTER_VERB` is a condition on what stands before."""


@cache
def lexicon() -> Mapping[PartOfSpeech, Mapping[str, Senses]]:
    """Every head word's senses, by part of speech."""
    data = json.loads(files("perturbations").joinpath("data/lexicon.json").read_text("utf-8"))
    return {
        part: {
            head: senses if isinstance(senses, dict) else {"": senses}
            for head, senses in heads.items()
        }
        for part, heads in data.items()
    }


def senses_of(head: str, part: PartOfSpeech) -> Senses:
    """The senses of a head word in American or British spelling; empty for an unknown word."""
    heads = lexicon()[part]
    return heads.get(head) or heads.get(_american(head)) or {}


def synonyms(senses: Senses, following: str) -> list[str]:
    """The synonyms whose condition the text after the word meets, in the lexicon's order."""
    found = [
        synonym
        for condition, some in senses.items()
        if condition != "AFTER_VERB" and _follows(condition, following)
        for synonym in some
    ]
    return list(dict.fromkeys(found))


def in_form(synonym: str, tag: str) -> str | None:
    """A synonym in the form of a Penn Treebank tag; None where its form is not known.

    Of a verb with a particle the first word is inflected, of a compound noun the last.
    """
    if tag in {"VB", "VBP", "NN", ""}:
        return synonym
    words = synonym.split()
    place = 0 if tag.startswith("V") else -1
    forms = inflect(words[place], tag)
    if not forms:
        return None
    words[place] = forms[0]
    return " ".join(words)


def _follows(condition: str, following: str) -> bool:
    if not condition:
        return True
    if condition in _CLASSES:
        return bool(_CLASSES[condition].match(following))
    words = "|".join(condition.split())
    return re.match(rf"(?:{words})\b", following, re.IGNORECASE) is not None


def _american(head: str) -> str:
    return re.sub(r"our$", "or", re.sub(r"y[sz]e$", "yze", re.sub(r"ise$", "ize", head)))


_CLASSES: Final[Mapping[str, re.Pattern[str]]] = {
    "CLAUSE": re.compile(
        r"(?:(?:on|in|to|by) )?(?:(?:if|whether|how|why|what|which|who|whom)\b"
        r"|that (?:the|an?|it|they|there|this|these|you|we|he|she|all|each|no)\b)",
        re.IGNORECASE,
    ),
    "QUOTE": re.compile(r"(?:only |either |just )?[\"'“‘`](?!\{)", re.IGNORECASE),
    "TEXT": re.compile(
        r"(?:the|an?|this|these|those|its|their|your|each|every)(?: [\w-]+){0,2}? (?:answer|article"
        r"|caption|comment|definition|email|headline|headlines|message|paragraph|passage|phrase|post"
        r"|prompt|question|questions|request|review|sentence|sentences|statement|statements|story"
        r"|summary|text|tweet)\b(?! [a-z]+ing\b)",
        re.IGNORECASE,
    ),
    "PIECE": re.compile(
        r"(?:an?|one|the|some)(?: [a-z]+){0,2}? (?:article|conversation|description|dialogue|email"
        r"|essay|letter|message|paragraph|poem|post|question|review|sentence|speech|story|summary"
        r"|tweet)s?\b(?! [a-z]+ing\b)",
        re.IGNORECASE,
    ),
    "LIST": re.compile(r"(?:an?|the)(?: [a-z]+)? list\b", re.IGNORECASE),
    "END": re.compile(r"$|[.,;:?!]"),
    "NP": re.compile(
        r"(?:the|an?|this|these|those|its|their|your|his|her|our|each|every|both|all|any|some|one|two"
        r"|exactly one|only the|only one|it|them)\b",
        re.IGNORECASE,
    ),
}
