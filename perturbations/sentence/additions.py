"""What the sentence level adds to a text, and the places where it may stand.

Nothing is put after an input's field, into an answer cue or a list, or into a protected span.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from random import Random
from typing import Final, Literal

from harness.core.records import Edit
from perturbations.base import Apply, Draft, Subject
from perturbations.diff import draft_by
from perturbations.parse import LINE_KINDS, Sentence, has_role, split
from perturbations.request_parse import ENDS_IN_INPUT, leaves_open
from perturbations.resources import table

Place = Literal["before", "between", "after"]

_SIDES: Final[tuple[Place, Place]] = ("before", "after")
# `Premise: ` or `Task: `, which what is added must not part from its text.
_CUE: Final = re.compile(r"[A-Z][a-z]+(?: \w+)?:\s+(?=\S)")
_PLACEHOLDER_FIRST: Final = re.compile(
    r"(?:(?:[-*•]|\d+[.)])\s+)?[\"'“‘]?(?:\{|<\w|\[[A-Z]|\$\w|%\()"
)
_FIELD_NEXT: Final = re.compile(r"[ \t]+[\"'“‘]?(?:\{|<\w|\[[A-Z]|\$\w|%\()")
_LIST_REACH: Final = 200
# What is added to a list of things would be one more of them.
_LIST_LAST: Final = re.compile(
    r"[}>\])][\"'”’]*[.?!]*$|\b(?:is|are|was|were|be)$|:\s[^.?!]*[.?!]*$|\([ivx\da-z]{1,3}\)\s"
    r"|,[^,.?!]{1,40},\s?(?:[^,.?!]{0,40}\s)?(?:and|or)\s[^,]*$"
)
# Nothing tells a word to be said from what is added to it: `otherwise say Unanswerable`.
_SAID_LAST: Final = re.compile(
    r"\b(?:say|answer|reply|respond|output|write|print|return)(?: with)? [A-Z]\w*[.?!]*$"
)
_OPENS_BLOCK: Final = re.compile(r"\{%-?\s*(?:if|for)\b")
_ENDS_BLOCK: Final = re.compile(r"\{%-?\s*end(?:if|for)\b")
_ENDED: Final = re.compile(r"[.?!][\"'”’)]*$")


def prose(subject: Subject) -> tuple[Sentence, ...]:
    """The sentences that stand before the first field of the input and before any answer cue."""
    return tuple(takewhile(lambda sentence: sentence.kind != "field", split(subject)))


def add_sentence(bank: str) -> Apply:
    """The perturbation that adds a sentence of `additions.json`, before or after the text."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        for place in rng.sample(_SIDES, 2):
            draft = _insert(subject, rng, place, _choose(f"{bank} {place}", subject, rng))
            if draft is not None:
                return draft
        return None

    return apply


def add_irrelevant(place: Place) -> Apply:
    """The perturbation that adds a sentence on something else at a place."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        return _insert(subject, rng, place, _choose("irrelevant", subject, rng))

    return apply


def add_persona(subject: Subject, rng: Random) -> Draft | None:
    """A draft that gives the reader a role first, where the text gives none."""
    if has_role(subject):
        return None
    return _insert(subject, rng, "before", _choose("persona before", subject, rng))


def add_tautology(subject: Subject, rng: Random) -> Draft | None:
    """A draft with a tautology at the end of its last sentence, before the full stop."""
    bank = "tautology"
    if {"true", "false"} & {word.lower() for word in subject.label_words}:
        bank = "tautology without true and false"
    sentences = [s for s in prose(subject) if s.kind not in LINE_KINDS and _closes(s)]
    if not sentences or _LIST_LAST.search(sentences[-1].text[-_LIST_REACH:]):
        return None
    if _SAID_LAST.search(sentences[-1].text[-_LIST_REACH:]):
        return None
    if _is_in_branch(subject.text, sentences[-1].end):
        return None
    mark = re.search(r"[.?!]*$", sentences[-1].text)
    end = sentences[-1].start + (mark.start() if mark else 0)
    said = f", and {rng.choice(table('additions')[bank])}"
    return draft_by(subject.text, [Edit(end, end, "", said)])


def add_string(make: Callable[[Random], str]) -> Apply:
    """The perturbation that adds a meaningless string at the beginning or at the end."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        for place in rng.sample(_SIDES, 2):
            draft = _insert(subject, rng, place, make(rng))
            if draft is not None:
                return draft
        return None

    return apply


def random_string(rng: Random) -> str:
    """Ten letters and digits."""
    return _letters(rng, 10)


def random_handle(rng: Random) -> str:
    """A Twitter handle that CheckList's recipe could make: `@` and six letters and digits."""
    return f"@{_letters(rng, 6)}"


def random_url(rng: Random) -> str:
    """A shortened URL as in CheckList; it is never opened."""
    return f"https://t.co/{_letters(rng, 6)}"


def _letters(rng: Random, count: int) -> str:
    return "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(count))


def _choose(bank: str, subject: Subject, rng: Random) -> str:
    """A sentence of a bank that shares no word with the label words; empty if none is left."""
    taken = {_stem(word) for label in subject.label_words for word in re.findall(r"\w+", label)}
    bank_sentences = table("additions")[bank]
    for sentence in rng.sample(bank_sentences, len(bank_sentences)):
        if not taken & {_stem(word) for word in re.findall(r"\w+", sentence)}:
            return sentence
    return ""


def _stem(word: str) -> str:
    return word.lower().rstrip("s")


def _insert(subject: Subject, rng: Random, place: Place, added: str) -> Draft | None:
    sentences = prose(subject)
    if not sentences or not added:
        return None
    if place == "before":
        # A text that begins with the input's place would take what is added for a part of it.
        cue = _CUE.match(sentences[0].text)
        if _PLACEHOLDER_FIRST.match(sentences[0].text[cue.end() if cue else 0 :]):
            return None
        start = sentences[0].start + (cue.end() if cue else 0)
        gap = "\n" if sentences[0].kind == "block" else " "
        return draft_by(subject.text, [Edit(start, start, "", f"{added}{gap}")])
    if place == "after":
        return _insert_after(subject, sentences[-1], added)
    gaps = _gaps(sentences)
    return _insert_after(subject, rng.choice(gaps), added) if gaps else None


def _insert_after(subject: Subject, sentence: Sentence, added: str) -> Draft | None:
    if not _closes(sentence) or _is_in_branch(subject.text, sentence.end):
        return None
    separator = "\n" if sentence.kind in LINE_KINDS else " "
    is_open = not _ENDED.search(sentence.text)
    if separator == " " and added[-1] != ".":
        # `The plural of the word X7f` has an input, and `Answer this. X7f {question}` another one.
        if is_open or _FIELD_NEXT.match(subject.text, sentence.end):
            return None
    elif separator == " " and is_open:
        separator = ". "
    end = sentence.end
    return draft_by(subject.text, [Edit(end, end, "", f"{separator}{added}")])


def _gaps(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences after which another may stand in between."""
    return [
        first
        for first, second in pairwise(sentences)
        if _closes(first) and LINE_KINDS.isdisjoint({first.kind, second.kind})
    ]


def _is_in_branch(text: str, place: int) -> bool:
    """Whether a place is inside a template's block, which is shown in some prompts only."""
    return len(_OPENS_BLOCK.findall(text, 0, place)) > len(_ENDS_BLOCK.findall(text, 0, place))


def _closes(sentence: Sentence) -> bool:
    """Whether a sentence announces nothing that must follow it, and is not to be continued."""
    if sentence.kind == "other" and not _ENDED.search(sentence.text):
        return False
    if leaves_open(sentence.text) or ENDS_IN_INPUT.search(sentence.text):
        return False
    return not sentence.text.endswith((":", ",", ";", "-", "–", "..", "…"))
