"""What is read out of a text before it is graded."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.grading.final_answer import final_answer
from harness.grading.number_forms import fold_numbers
from harness.grading.numbers import find_numbers
from harness.grading.pattern import GroupPattern, Occurrence, find_group


class RegexExtraction(BaseModel):
    """What the one group of a pattern holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    regex: GroupPattern
    """A regular expression with exactly one group."""
    match: Occurrence = "first"
    """Which of several matches counts: `first` or `last`."""


Extraction = Literal["none", "final", "last_number"] | RegexExtraction
"""What is read out of a text: all, its final answer, its last number, or a pattern's group."""


def extract(text: str, extraction: Extraction) -> str | None:
    """The part of `text` that is graded; None where there is none.

    Example:
        >>> extract("5 apples and 7 pears make 12.", "last_number")
        '12'
    """
    if extraction == "none":
        return text
    if extraction == "final":
        return final_answer(text)
    if extraction == "last_number":
        return _last_number(text)
    return find_group(extraction.regex, text, extraction.match)


def _last_number(text: str) -> str | None:
    """The last number as the text writes it, its sign and percent included."""
    folded = fold_numbers(text)
    numbers = find_numbers(folded)
    return folded[numbers[-1].start : numbers[-1].end] if numbers else None
