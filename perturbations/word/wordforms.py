"""Word level, inflection: a word as noun or verb, by its neighbours, and its other forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random
from types import ModuleType
from typing import Final, Literal

from harness.core.errors import MissingPackageError
from harness.core.records import Edit
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import draft_by
from perturbations.tokens import (
    ONE_WORD_IN_EIGHT,
    Word,
    edit_budget,
    find_words,
    free_words,
    is_protected,
    is_stop_word,
    match_case,
    shuffle_words,
)

PACKAGE: Final = "lemminflect"

_ARTICLE_BEFORE: Final = re.compile(r"(?<!\w)([Aa](n?)) $")
_VOWEL_SOUND: Final = re.compile(r"(?!uni|use|usu|eu|one)[aeiou]|hour|hon|heir", re.IGNORECASE)

PartOfSpeech = Literal["NOUN", "VERB"]

_DETERMINERS: Final = frozenset(
    {"a", "an", "the", "this", "these", "those", "each", "every", "both", "its", "their"}
    | {"your", "his", "her", "our", "of", "in", "on", "from", "for", "with", "by", "about"}
)
_ARTICLES: Final = frozenset({"a", "an", "the"})
_OPENS_OBJECT: Final = _ARTICLES | {"this", "these", "those", "its", "their", "it"}
_BEFORE_GERUNDS: Final = frozenset(
    {"of", "in", "on", "from", "for", "with", "without", "by", "about", "before", "after"}
    | {"whether", "if", "when", "while"}
)
_PRONOUNS: Final = frozenset({"both", "each", "this", "that", "these", "those"})
_SUBJECT_LED: Final = re.compile(
    r"\b(?:what|that|if|whether|when|because) (?:the|an?|its|their|your) $"
)
# A noun after `are the` or `these` cannot change its number unnoticed.
_COUNTED: Final = re.compile(r"\b(?:are|were|do|have|these|those) (?:the |these |those )?$", re.I)
# After these the number of a noun shows, so that another one is seen to be a slip.
_SHOWS_NUMBER: Final = re.compile(
    r"\b(?:an?|one|each|every|this|that|these|those|two|three|four|five|both|many|several|all|some)"
    r" (?:(?!(?:of|in|on|for|from|to|with|by|and|or)\b)[\w-]+ ){0,2}$",
    re.IGNORECASE,
)
_LED: Final = 60
_BEFORE_VERBS: Final = frozenset(
    {"to", "please", "will", "would", "can", "could", "should", "must", "may", "might", "and"}
    | {"you", "they", "we", "then", "it", "do", "does", "did"}
)


@dataclass(frozen=True, slots=True)
class Form:
    """A word taken as a form of its lemma, with its Penn Treebank tag."""

    lemma: str
    part: PartOfSpeech
    tag: str


def replace_forms(
    subject: Subject,
    rng: Random,
    alternatives: Callable[[str, Form], Sequence[str]],
    leave: Callable[[Word, Form], bool] = lambda word, form: False,
) -> Draft | None:
    """The draft with a budget of nouns and verbs replaced, each by one of its alternatives.

    `alternatives` is given the word in lower case and what form it is; words for which `leave`
    holds stay as they are.

    Raises:
        MissingPackageError: lemminflect is not installed.
    """
    parsed = {word: form for word, form in _parse_forms(subject) if not leave(word, form)}
    edits: list[Edit] = []
    for word in shuffle_words(parsed, rng):
        others = alternatives(word.text.lower(), parsed[word])
        if others and len(edits) < edit_budget(subject):
            after = match_case(rng.choice(others), word.text)
            edits.append(Edit(word.start, word.end, word.text, after))
            edits += agree_article(subject, word, after)
    return draft_by(subject.text, edits)


@lru_cache(maxsize=8192)
def find_form(word: str, part: PartOfSpeech) -> Form | None:
    """The form that a word is as a noun or as a verb; the base form where it could be several."""
    for lemma in _lemminflect().getAllLemmas(word, part).get(part, ()):
        if word == lemma:
            return Form(lemma, part, "NN" if part == "NOUN" else "VB")
        for tag, forms in _lemminflect().getAllInflections(lemma, part).items():
            if word in forms:
                return Form(lemma, part, tag)
    return None


@lru_cache(maxsize=8192)
def is_noun_modifier(word: str) -> bool:
    """Whether a word is a noun and nothing else: before a noun, it makes a compound with it."""
    return set(_lemminflect().getAllLemmas(word)) == {"NOUN"} and not is_stop_word(word)


@lru_cache(maxsize=8192)
def inflect(lemma: str, tag: str) -> tuple[str, ...]:
    """The forms of a known lemma with a tag; none for one that the dictionary lacks.

    Only the dictionary is asked: the guesser for unknown words is a pickle.
    """
    forms: tuple[str, ...] = _lemminflect().getInflection(lemma, tag, inflect_oov=False)
    return forms


def _parse_forms(subject: Subject) -> list[tuple[Word, Form]]:
    """The free content words that their neighbours show to be nouns or verbs."""
    text = subject.text
    free = {word.start for word in free_words(subject)}
    padded = [None, *find_words(text), None]
    found: list[tuple[Word, Form]] = []
    for (before, word), (_, after) in pairwise(pairwise(padded)):
        if word is None or word.start not in free or is_stop_word(word.text):
            continue
        part = _guess_part(text, before, word, after)
        form = None if part is None else find_form(word.text.lower(), part)
        if form is not None:
            found.append((word, form))
    return found


def agree_article(subject: Subject, word: Word, after: str) -> list[Edit]:
    """The edit that makes `a` before a replaced word `an`, or the other way round, if need be."""
    article = _ARTICLE_BEFORE.search(subject.text, max(0, word.start - 4), word.start)
    if article is None or is_protected(*article.span(1), subject.protected):
        return []
    ending = "n" if _VOWEL_SOUND.match(after) else ""
    if article.group(2).lower() == ending:
        return []
    return [Edit(article.start(2), article.end(2), article.group(2), ending)]


def _guess_part(
    text: str, before: Word | None, word: Word, after: Word | None
) -> PartOfSpeech | None:
    """Noun or verb, where the words next to it say so; None where they do not.

    A noun ends its phrase: a word follows that carries no content, or none does. A verb opens a
    sentence, follows `to`, a modal or a pronoun, or stands before an object: `the premise supports
    the hypothesis`.
    """
    if before is None or text[before.end : word.start] != " ":
        return _guess_opening(text, word, after)
    if _COUNTED.search(text, max(0, word.start - 20), word.start):
        return None
    previous = before.text.lower()
    following = after.text.lower() if after and text[word.end : after.start] == " " else ""
    takes_object = following in _OPENS_OBJECT and _may_take_object(previous, word.text.lower())
    if previous in _BEFORE_VERBS or takes_object:
        return "VERB"
    if not _ends_phrase(following) or (is_stop_word(previous) and previous not in _DETERMINERS):
        return None
    if previous in _DETERMINERS:
        return "NOUN"
    led = text[max(0, before.start - 20) : before.start].lower()
    alone = bool(_SUBJECT_LED.search(led))
    return _guess_after_content(previous, word.text.lower(), following, alone=alone)


def _guess_opening(text: str, word: Word, after: Word | None) -> PartOfSpeech | None:
    """A verb, where a capital opens a sentence; `Answer:` and `Sentence B` only name a field."""
    leads = (
        after is not None and text[word.end : after.start] == " " and not after.text[0].isupper()
    )
    return "VERB" if word.text[0].isupper() and leads else None


def _may_take_object(previous: str, word: str) -> bool:
    """Whether a word before an object is its verb: `both report the`, `of proving the`."""
    if "VERB" not in _lemminflect().getAllLemmas(word):
        return False
    return (
        not is_stop_word(previous)
        or previous in _PRONOUNS
        or (word.endswith("ing") and previous in _BEFORE_GERUNDS)
    )


def _guess_after_content(
    previous: str, word: str, following: str, *, alone: bool
) -> PartOfSpeech | None:
    """Noun or neither after a word with content: `movie review`, but `is the replacement right`.

    `alone` says that the word before is a subject by itself: `what a source supports`.
    """
    parts = _lemminflect().getAllLemmas(word)
    base = word in parts.get("VERB", ())
    may_be_verb = "VERB" in parts and (following == "you" or (alone and word.endswith("s")))
    if "ADJ" in parts or may_be_verb or (base and previous.endswith("s")):
        return None
    return "NOUN"


def _ends_phrase(following: str) -> bool:
    return not following or is_stop_word(following)


def _lemminflect() -> ModuleType:
    try:
        import lemminflect
    except ImportError:
        raise MissingPackageError(
            PACKAGE,
            needed_for="changing a word's form",
            install='pip install "robustness-harness[words]"',
        ) from None
    module: ModuleType = lemminflect
    return module


def _change_forms(subject: Subject, rng: Random) -> Draft | None:
    text = subject.text

    def leave(word: Word, form: Form) -> bool:
        """Where a noun's other number reads as meant, it would ask for something else."""
        led = text[max(0, word.start - _LED) : word.start]
        name = word.text[0].isupper() and led.endswith(" ") and led.rstrip()[-1:] not in ".?!:"
        return name or (form.part == "NOUN" and _SHOWS_NUMBER.search(led) is None)

    return replace_forms(subject, rng, _other_forms, leave)


def _other_forms(word: str, form: Form) -> list[str]:
    inflections = _lemminflect().getAllInflections(form.lemma, form.part)
    # The first form of a tag is the usual one: `stayed`, not `staid`; `rewrote`, not `re-wrote`.
    return sorted({forms[0] for forms in inflections.values()} - {word})


INFLECTION: Final = Perturbation(
    name="inflection",
    level="word",
    description="A noun or verb takes another of its forms (Tan et al. 2020, Morpheus).",
    apply=_change_forms,
    amount=ONE_WORD_IN_EIGHT,
    needs=(PACKAGE,),
    graded=True,
)
