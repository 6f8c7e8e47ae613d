"""Word-level marks: what a variant removed from its original and what it added."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final, Literal

from reports.visible import TEXT_LIMIT, letter_origin

_ALIKE: Final = 0.6
"""Similarity from which two words count as spellings of one, so that letters are compared."""
_WORD_LIMIT: Final = 60
_TOKEN: Final = re.compile(r"(\w(?:\S*\w)?|[^\w\s]+|)(\s*)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of text that both texts share, or that one of them alone has."""

    kind: Literal["same", "removed", "added"]
    text: str
    focus: tuple[tuple[int, int], ...] = ()
    """The characters `start:end` of `text` that differ from the word it stands for."""
    note: str = ""
    """What the eye cannot see, such as a Cyrillic letter in a Latin word."""


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    space: str


def word_marks(original: str, text: str) -> tuple[Mark, ...]:
    """The marks that, read without the removed ones, give `text`, up to the limit of a report.

    Words are compared whole; a word that stands for exactly one other word also has the characters
    that differ as its focus. Changed white space between equal words is marked too.
    """
    before, after = _tokens(original[:TEXT_LIMIT]), _tokens(text[:TEXT_LIMIT])
    matcher = SequenceMatcher(
        None, [token.word for token in before], [token.word for token in after], autojunk=False
    )
    marks: list[Mark] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            inside = not (j == len(before) and m == len(after))
            marks.extend(_same(before[i:j], after[k:m], inside=inside))
        else:
            marks.extend(_replaced(before[i:j], after[k:m]))
    cut = max(len(original), len(text)) - TEXT_LIMIT
    if cut > 0:
        marks.append(Mark("same", f"… ({cut:,} more characters)"))
    return tuple(_joined(marks))


def _tokens(text: str) -> list[_Token]:
    return [_Token(*found.groups()) for found in _TOKEN.finditer(text) if found.group()]


def _same(before: Sequence[_Token], after: Sequence[_Token], *, inside: bool) -> Iterator[Mark]:
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        yield Mark("same", new.word)
        # White space before a changed word belongs to that change and is no change of its own.
        if inside and number == len(before):
            yield Mark("same", new.space or old.space)
        else:
            yield from _spaces(old, new)


def _spaces(old: _Token, new: _Token) -> Iterator[Mark]:
    if old.space == new.space:
        yield Mark("same", new.space)
        return
    yield Mark("removed", old.space.replace(" ", "␣"))
    yield Mark("added", new.space.replace(" ", "␣"))


def _replaced(before: Sequence[_Token], after: Sequence[_Token]) -> Iterator[Mark]:
    if [token.space for token in before] != [token.space for token in after]:
        yield from _one_sided("removed", before)
        yield from _one_sided("added", after)
        return
    for old, new in zip(before, after, strict=True):
        removed, added = _differing(old.word, new.word)
        yield Mark("removed", old.word, removed)
        yield Mark("added", new.word, added, _foreign_letters(old.word, new.word))
        yield Mark("same", new.space)


def _one_sided(kind: Literal["removed", "added"], tokens: Sequence[_Token]) -> Iterator[Mark]:
    text = "".join(token.word + token.space for token in tokens)
    if text:
        yield Mark(kind, text.rstrip() or text)
        yield Mark("same", text[len(text.rstrip()) :] if text.strip() else "")


def _differing(old: str, new: str) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Where the characters of two words differ: in the old, in the new; empty for unlike words."""
    matcher = SequenceMatcher(None, old[:_WORD_LIMIT], new[:_WORD_LIMIT], autojunk=False)
    if matcher.ratio() < _ALIKE:
        return (), ()
    changes = [codes[1:] for codes in matcher.get_opcodes() if codes[0] != "equal"]
    removed = tuple((i, j) for i, j, _, _ in changes if i < j)
    added = tuple((k, m) for _, _, k, m in changes if k < m)
    return removed, added


def _foreign_letters(old: str, new: str) -> str:
    """Names the letters of `new` from outside ASCII, where `old` had none."""
    if not old.isascii():
        return ""
    foreign = list(dict.fromkeys(letter for letter in new if letter.isalpha() and letter > "\x7f"))
    return ", ".join(letter_origin(letter) for letter in foreign[:3])


def _joined(marks: Sequence[Mark]) -> Iterator[Mark]:
    """The marks with neighbours of "same" merged, empty ones left out and no note said twice."""
    pending = ""
    noted: set[str] = set()
    for mark in marks:
        if mark.kind == "same":
            pending += mark.text
            continue
        if pending:
            yield Mark("same", pending)
            pending = ""
        if mark.text:
            yield replace(mark, note="") if mark.note in noted else mark
            noted.add(mark.note)
    if pending:
        yield Mark("same", pending)
