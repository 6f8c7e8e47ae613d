"""An instruction taken apart into what may be reworded freely and what must stay.

A model that rewords a whole instruction loses its label words more often than not. So only parts
without a protected span go through the model. A role ("You are ...") and an answer form
("Answer with ...") are put into other frames by rule, their own words kept; all else stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from perturbations.base import Span, Subject
from perturbations.labels import named_labels
from perturbations.parse import Sentence, split
from perturbations.protect import find_protected
from perturbations.protected_patterns import LABEL, NUMBER

ROLE_FRAMES: Final = (
    "Imagine that you are {role}.",
    "Act as {role}.",
    "Take on the role of {role}.",
    "Suppose that you work as {role}.",
    "Put yourself in the position of {role}.",
)
ANSWER_FRAMES: Final = (
    "Reply with {either}.",
    "Respond with {either}.",
    "Your answer must be {either}.",
    "Give {either} as your answer.",
    "The response should be {either}.",
    "Choose from {both}.",
    "What you write must be {either}.",
)
ONE_WORD_FRAMES: Final = (
    "Use one word for the answer: {either}.",
    "Your response must be one word, {either}.",
    "Respond with one word only: {either}.",
    "Write one word as the answer, {either}.",
    "Let the answer be one word, {either}.",
)

_ROLE: Final = re.compile(r"You are (?P<role>(?:an?|the) .+?)[.!]?", re.DOTALL)
_ONE_WORD: Final = re.compile(r"\b(?:one|single) (?:single )?word\b", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"\s*(?:[,/]|,?\s*\b(?:or|and)\b)\s*", re.IGNORECASE)
_EITHER: Final = re.compile(r",?\s*\b(?:either|one of)$", re.IGNORECASE)
_QUALITY: Final = (
    "attitude|sentiment|opinion|tone|mood|feeling|polarity|stance|emotion|topic|subject|category"
    "|relation(?:ship)?|intent|genre"
)
# A request that ends in its labels -> the request alone, which an answer form then follows.
_DETACH: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(
            rf"(?:Say|Decide|Determine|State|Judge) (?:whether|if) (.*\b(?:{_QUALITY})\b.*) is"
        ),
        r"What is \1?",
    ),
    (re.compile(r"(.+?),? which is"), r"\1."),
    (re.compile(r"(.+?):"), r"\1."),
    (re.compile(r"((?:Mark|Classify|Label|Tag|Categori[sz]e|Sort)\b.+?) (?:as|into)"), r"\1."),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an instruction, usually a sentence, and what may stand in its place."""

    text: str
    free: bool = False
    """Whether a model may reword it."""
    frames: tuple[str, ...] = ()
    """Other forms of it that keep its own words."""


def take_apart(instruction: str, label_words: Sequence[str]) -> tuple[Part, ...]:
    """The parts of an instruction, in order; joined by spaces they ask for the same.

    Args:
        instruction: the text.
        label_words: the verbalizers, which must stay.

    Returns:
        One part per sentence; a sentence that ends in its labels becomes two, the request and the
        answer form.

    Example:
        >>> for part in take_apart("Mark the comment as 'good' or 'bad'.", ("good", "bad")):
        ...     print(part.free, part.text)
        True Mark the comment.
        False Reply with 'good' or 'bad'.
    """
    words = tuple(label_words)
    subject = Subject(instruction, find_protected(instruction, words), words)
    return tuple(part for sentence in split(subject) for part in _parts(sentence, words))


def _parts(sentence: Sentence, words: tuple[str, ...]) -> Iterator[Part]:
    text = sentence.text
    spans = find_protected(text, words)
    role = _ROLE.fullmatch(text) if sentence.kind == "role" else None
    if role:
        yield Part(text, frames=tuple(frame.format(role=role["role"]) for frame in ROLE_FRAMES))
    elif not spans:
        yield Part(text, free=sentence.kind in ("command", "question"))
    else:
        yield from _labelled_parts(sentence, spans, words)


def _labelled_parts(
    sentence: Sentence, spans: tuple[Span, ...], words: tuple[str, ...]
) -> Iterator[Part]:
    text = sentence.text
    labels = [span for span in spans if span.reason == LABEL]
    head = text[: labels[0].start].rstrip() if labels else ""
    one_word = _ONE_WORD.search(head)
    others = [span for span in spans if span.reason != LABEL]
    if one_word:
        low, high = one_word.span()
        others = [s for s in others if not (s.reason == NUMBER and low <= s.start < high)]
    if not _is_list_at_end(text, labels, words) or others:
        yield Part(text)
        return
    frames = _answer_frames([text[span.start : span.end] for span in labels], bool(one_word))
    if sentence.kind == "answer":
        yield Part(text, frames=tuple(frame for frame in frames if frame != text))
        return
    request = _detach(_EITHER.sub("", head))
    if request is None:
        yield Part(text)
    else:
        yield Part(request, free=True)
        yield Part(frames[0], frames=frames)


def _is_list_at_end(text: str, labels: Sequence[Span], words: Sequence[str]) -> bool:
    """Whether the sentence ends in a list of all the labels that it could name, each once."""
    if len(labels) != len(words) or len(named_labels(text, words)) != len(words):
        return False
    gaps = [text[a.end : b.start] for a, b in pairwise(labels)]
    if not all(_BETWEEN.fullmatch(gap) for gap in gaps):
        return False
    return text[labels[-1].end :].strip() in ("", ".", "!")


def _answer_frames(labels: Sequence[str], one_word: bool) -> tuple[str, ...]:
    first, last = ", ".join(labels[:-1]), labels[-1]
    forms = ONE_WORD_FRAMES if one_word else ANSWER_FRAMES
    return tuple(
        form.format(either=f"{first} or {last}", both=f"{first} and {last}") for form in forms
    )


def _detach(head: str) -> str | None:
    for pattern, request in _DETACH:
        match = pattern.fullmatch(head)
        if match:
            return match.expand(request)
    return None
