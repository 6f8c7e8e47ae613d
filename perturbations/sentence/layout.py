"""The look of an instruction: order, separators, spaces, case, a heading, a list.

The choices are those of FormatSpread (Sclar et al. 2024, arXiv:2310.11324), as far as they concern
the instruction and not the fields of the input.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Final

from harness.core.records import Edit
from perturbations.base import Draft, Subject
from perturbations.diff import draft_by, draft_of
from perturbations.parse import LINE_KINDS, Sentence, read, refers_back
from perturbations.sentence.additions import prose
from perturbations.tokens import overlaps

_SEPARATORS: Final = ("\n", "\n\n", " -- ", " || ", "\t", "  ")
_HEADINGS: Final = ("Instruction", "Task", "Instructions", "Directions")
_HEADING_MARKS: Final = (": ", ":\n", " - ", "\n", ":: ", ":\n\n")
_HEADING_STARTS: Final = ("", "", "### ")
_HEADING_CASES: Final[tuple[Callable[[str], str], ...]] = (str.capitalize, str.lower, str.upper)
_BULLETS: Final = ("- ", "* ", "• ")
_SPACE: Final = re.compile(r"(?<=\S) (?=\S)")
_BEFORE_MARK: Final = re.compile(r"(?<=\S)(?=[.,:;?!](?:\s|$))")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_FIRST_WORD: Final = re.compile(rf"(?:(?<=[.?!:]\s)|(?<![\s\S])|(?<=\n)){_WORD.pattern}")
_CASES: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (_WORD, str.capitalize),
    (_FIRST_WORD, str.upper),
    (_FIRST_WORD, str.lower),
)
_CLOSED: Final = re.compile(r"[.?!][\"'”’)]*$")


def reorder(subject: Subject, rng: Random) -> Draft | None:
    """A draft whose request to answer in a form stands before the task instead of after it.

    Only a sentence that is understood without the ones before it is moved.
    """
    main = read(subject).main
    sentences = list(prose(subject))
    if main is None or main not in sentences:
        return None
    if not all(_CLOSED.search(sentence.text) for sentence in sentences):
        return None
    first = sentences.index(main)
    movable = [i for i in range(first + 1, len(sentences)) if _stands_alone(sentences[i])]
    targets = [i for i in range(first + 1) if not refers_back(sentences[i].text)]
    if not movable or not targets:
        return None
    order = sentences.copy()
    moved = order.pop(rng.choice(movable))
    order.insert(rng.choice(targets), moved)
    return draft_of(subject.text, _in_order(subject.text, sentences, order))


def separate(subject: Subject, rng: Random) -> Draft | None:
    """A draft with another separator between all its sentences."""
    separator = rng.choice(_SEPARATORS)
    edits = [
        Edit(first.end, second.start, subject.text[first.end : second.start], separator)
        for first, second in pairwise(prose(subject))
        if LINE_KINDS.isdisjoint({first.kind, second.kind})
    ]
    return draft_by(subject.text, edits)


def space(subject: Subject, rng: Random) -> Draft | None:
    """A draft with two spaces between words, or a space before each mark of punctuation."""
    pattern, after = rng.choice(((_SPACE, "  "), (_BEFORE_MARK, " ")))
    return _replace_all(subject, pattern, lambda _: after)


def change_case(subject: Subject, rng: Random) -> Draft | None:
    """A draft with every word capitalized, or each sentence's first word in another case."""
    pattern, change = rng.choice(_CASES)
    return _replace_all(subject, pattern, change)


def add_heading(subject: Subject, rng: Random) -> Draft | None:
    """A draft that begins with a heading such as `Instruction:`."""
    sentences = prose(subject)
    if not sentences or sentences[0].kind == "block":
        return None
    heading = rng.choice(_HEADING_CASES)(rng.choice(_HEADINGS))
    said = rng.choice(_HEADING_STARTS) + heading + rng.choice(_HEADING_MARKS)
    start = sentences[0].start
    return draft_by(subject.text, [Edit(start, start, "", said)])


def list_labels(subject: Subject, rng: Random) -> Draft | None:
    """A draft whose label words, where a sentence ends in them, stand in a list."""
    bullet = rng.choice(_BULLETS)
    label = _label_pattern(subject.label_words)
    enumeration = re.compile(
        rf"\s+(?:either\s+|one of\s+)?(?P<list>{label}(?:(?:,|,?\s+(?:or|and))\s+{label})+)[.!:]?$",
        re.IGNORECASE,
    )
    for sentence in reversed(prose(subject)):
        found = enumeration.search(sentence.text)
        if found is not None:
            labels = re.findall(label, found["list"], re.IGNORECASE)
            lines = "".join(f"\n{bullet}{one}" for one in labels)
            listed = _announce(sentence.text[: found.start()]) + lines
            return _with_listed(subject.text, sentence, listed)
    return None


def _stands_alone(sentence: Sentence) -> bool:
    """Whether a sentence that follows the task says the same before it."""
    if refers_back(sentence.text):
        return False
    if sentence.kind == "answer":
        return re.search(r"\b(?:if|when|unless)\b", sentence.text) is None
    return sentence.kind == "condition"


def _in_order(text: str, old: list[Sentence], new: list[Sentence]) -> str:
    """The text with its sentences in another order and its white space where it was."""
    gaps = [text[a.end : b.start] for a, b in pairwise(old)]
    said = "".join(s.text + gap for s, gap in zip(new, [*gaps, ""], strict=True))
    return text[: old[0].start] + said + text[old[-1].end :]


def _replace_all(
    subject: Subject, pattern: re.Pattern[str], change: Callable[[str], str]
) -> Draft | None:
    """A draft with every match of the pattern changed that no protected span overlaps."""
    sentences = prose(subject)
    if not sentences:
        return None
    edits = [
        Edit(match.start(), match.end(), match.group(), change(match.group()))
        for match in pattern.finditer(subject.text, sentences[0].start, sentences[-1].end)
        if not overlaps(match.start(), match.end(), subject.protected)
    ]
    return draft_by(subject.text, edits)


def _label_pattern(label_words: tuple[str, ...]) -> str:
    """A label word with or without quotation marks; without label words, anything quoted."""
    if not label_words:
        return r"(?:'[^'\n]+'|\"[^\"\n]+\"|“[^”\n]+”|‘[^’\n]+’)"
    words = "|".join(re.escape(word) for word in sorted(label_words, key=len, reverse=True))
    return rf"[\"'“‘`]?(?<!\w)(?:{words})(?!\w)[\"'”’`]?"


def _announce(opening: str) -> str:
    """What stands before an enumeration, so that it can stand before a list."""
    if opening.endswith((":", ",")):
        return opening.rstrip(",:") + ":"
    if re.search(
        r"\b(?:is|are|as|between|from|among|labels|answers|words|options|these)$", opening
    ):
        return f"{opening}:"
    return f"{opening} one of these:"


def _with_listed(text: str, sentence: Sentence, listed: str) -> Draft | None:
    """The draft with a sentence that ends in a list; what follows begins on a new line."""
    rest = text[sentence.end :]
    follows = re.match(r"[ \t]+(?=\S)", rest)
    if follows:
        rest = "\n" + rest[follows.end() :]
    return draft_of(text, text[: sentence.start] + listed + rest)
