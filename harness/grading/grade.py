"""What a grader is, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import ConfigDict

from harness.core.plain_numbers import PlainNumbers


@dataclass(frozen=True, slots=True)
class Grade:
    """What a text is worth against its references."""

    score: float
    """In [0, 1]."""
    answer: str | None
    """What was read out of the text; None where nothing could be read (unparsed, score 0)."""


UNPARSED = Grade(0.0, None)
"""The grade of a text in which no answer was found."""


class Grader(Protocol):
    """A rule that scores a text. Pure, and it raises on no text."""

    @property
    def name(self) -> str:
        """As typed in the task file: `exact`, `token_f1` …"""

    @property
    def binary(self) -> bool:
        """Whether the score is always 0 or 1."""

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The grade of `text`, the best over its references: any one of them is right."""

    def problem(self, references: Sequence[str]) -> str | None:
        """Why no text can be graded against these references; None where it can."""


class GraderOptions(PlainNumbers):
    """Base of the graders of this room: the options that stand in a task file are the grader."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def prepare(self) -> None:
        """Load what grading needs, so that it is missed before a run and not within it.

        Raises:
            HarnessError: a package or a plug-in is missing.
        """

    def problem(self, references: Sequence[str]) -> str | None:
        """Why no text can be graded against these references; None where it can."""
        return None if references else "no reference"
