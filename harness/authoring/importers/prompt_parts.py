"""A prompt template taken apart: what is asked of every row, the row itself, the cue at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_CUE: Final = re.compile(r"[^\n{}]{1,40}:\s*")
_SENTENCE: Final = re.compile(r"\w+(?:\W+\w+){2,}")
"""At least three words; fewer are the name of a field."""


@dataclass(frozen=True, slots=True)
class PromptParts:
    """What became of a template."""

    instruction: str
    """Text that is the same for all rows; empty where there is none."""
    input: str
    """A template of the row."""
    cue: str
    placement: Literal["first", "last"]
    gap: str = "\n"
    """The line breaks between instruction and input."""


def split_prompt(template: str) -> PromptParts:
    r"""The parts of a template whose lines are either the same for all rows or show one.

    Example:
        >>> parts = split_prompt("{{sentence}}\nQuestion: Is this good or bad?\nAnswer:")
        >>> parts.instruction, parts.input, parts.cue, parts.placement
        ('Question: Is this good or bad?', '{{sentence}}', 'Answer:', 'last')
    """
    lines = template.strip().split("\n")
    cue = lines.pop().strip() if len(lines) > 1 and _CUE.fullmatch(lines[-1]) else ""
    shows = [bool(_EXPRESSION.search(line)) for line in lines]
    if True not in shows:
        return PromptParts("\n".join(lines).strip(), "", cue, "first")
    first, last = shows.index(True), len(shows) - shows[::-1].index(True)
    before, after = _text(lines[:first]), _text(lines[last:])
    if _SENTENCE.search(before):
        gap = _gap(lines[:first][::-1])
        return PromptParts(before, _text(lines[first:]), cue, "first", gap)
    if _SENTENCE.search(after):
        return PromptParts(after, _text(lines[:last]), cue, "last", _gap(lines[last:]))
    return PromptParts("", _text(lines), cue, "first")


def _gap(lines: list[str]) -> str:
    """The line break before the first line with a text, and one for each empty line before it."""
    return "\n" * (1 + next(place for place, line in enumerate(lines) if line.strip()))


def _text(lines: list[str]) -> str:
    return "\n".join(lines).strip()
