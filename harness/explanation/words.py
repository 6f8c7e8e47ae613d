"""The words of a prompt, which part each stands in, and which tokens it is made of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import regex

from harness.results.explanation import WordPart
from perturbations.label_patterns import JOINED_SCRIPT

PromptPart: TypeAlias = WordPart
"""Where a word stands. `layout` is what the prompt format adds: answer cue, chat template, few-shot
examples. `special` are tokens without a text in the prompt, such as BOS."""
CONTENT: Final[frozenset[PromptPart]] = frozenset({"system", "instruction", "input"})
"""The parts that say something of the task: density is counted among their words."""
Span = tuple[int, int]

# A mark that stands alone, a word with its inner apostrophes, or a run of white space. Letters of a
# script without spaces are words of their own.
_UNIT: Final = regex.compile(
    rf"{JOINED_SCRIPT.pattern}\p{{M}}*"
    rf"|(?:(?!{JOINED_SCRIPT.pattern})[\w\p{{M}}])+(?:['’](?:(?!{JOINED_SCRIPT.pattern})[\w\p{{M}}])+)*"
    r"|\s+|."
)


@dataclass(frozen=True, slots=True)
class Region:
    """Characters `start:end` of a prompt that are one of its parts."""

    start: int
    end: int
    part: PromptPart


@dataclass(frozen=True, slots=True)
class PromptWord:
    """A word of a prompt."""

    text: str
    """As it stands there, without white space around it; a break of lines as it is; of a special
    token its name."""
    part: PromptPart
    offset: int
    """Where it begins in its part, in characters; of a part that stands twice in the one it is in.
    -1 in layout."""
    copy: int = 0
    """Which of a part's places it stands in, where an instruction is said twice."""


@dataclass(frozen=True, slots=True)
class PromptWords:
    """The words of a prompt that have tokens, in order, and each token's word."""

    words: tuple[PromptWord, ...]
    of_token: tuple[int, ...]
    """The word that each token belongs to."""


def find_words(
    text: str,
    tokens: Sequence[Span | None],
    regions: Sequence[Region],
    names: Sequence[str] = (),
) -> PromptWords:
    """Put the tokens of a prompt together to its words.

    A token belongs to the word of its first character that is no white space, and a space that is a
    token of its own to the word that follows. A word that has no token of its own, as the full stop
    of a token `).`, is part of the one before it. Breaks of lines are layout wherever they stand.

    Args:
        text: The prompt.
        tokens: For each token its characters `start:end`; None for a special token.
        regions: The parts of the prompt that are no layout, in order and disjoint.
        names: What special tokens are called, in order of the tokens; "" for others.

    Example:
        >>> found = find_words("Is it so?", [(0, 2), (2, 5), (5, 9)], [Region(0, 9, "instruction")])
        >>> [word.text for word in found.words], found.of_token
        (['Is', 'it', 'so?'], (0, 1, 2))
    """
    units = [(m.start(), m.end()) for m in _UNIT.finditer(text)]
    starts = [start for start, _ in units]
    keys = [_key(text, span, units, starts, n) for n, span in enumerate(tokens)]
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    own = sorted({starts[unit] for special, unit in order if not special} | {len(text)})
    words = []
    for special, unit in order:
        if special:
            words.append(PromptWord(names[unit] if names else "", "special", -1))
        else:
            end = own[bisect_right(own, starts[unit])]
            words.append(_word(text, (starts[unit], end), regions))
    return PromptWords(tuple(words), tuple(order[key] for key in keys))


def _key(
    text: str, span: Span | None, units: Sequence[Span], starts: Sequence[int], n: int
) -> tuple[bool, int]:
    """(Whether it is special, its place or the unit that it belongs to)."""
    if span is None or span[0] >= span[1]:
        return True, n
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    unit = bisect_right(starts, start if start < end else span[0]) - 1
    gap = text[slice(*units[unit])]
    spaces = gap.isspace() and "\n" not in gap
    return False, unit + 1 if spaces and unit + 1 < len(units) else unit


def _word(text: str, span: Span, regions: Sequence[Region]) -> PromptWord:
    start, end = span
    shown = text[start:end].strip()
    if not shown:
        return PromptWord(text[start:end], "layout", -1)
    seen: dict[str, int] = {}
    for region in regions:
        copy = seen.setdefault(region.part, 0)
        if region.start <= start < region.end:
            # A word that touches the end of its part holds what the token holds beyond it.
            return PromptWord(shown, region.part, start - region.start, copy)
        seen[region.part] += 1
    return PromptWord(shown, "layout", -1)
