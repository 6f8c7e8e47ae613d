"""chrF by sacrebleu.

The score is of one text. The mean of sentence scores over a test set is not the corpus score, which
pools counts first; robustness needs a score per example.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from harness.grading.grade import Grade, GraderOptions
from harness.grading.libraries import in_range, need

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF


class ChrF(GraderOptions):
    """Sentence chrF (Popovic 2015) by sacrebleu, divided by 100: F-score of character n-grams.

    The best over the references counts.
    """

    name: Literal["chrf"] = "chrf"
    char_order: Annotated[int, Field(ge=1, le=10)] = 6
    """Longest character n-gram."""
    word_order: Annotated[int, Field(ge=0, le=4)] = 0
    """Longest word n-gram; 2 makes it chrF++."""
    beta: Annotated[int, Field(ge=1, le=10)] = 2
    """How much more recall weighs than precision."""
    lowercase: bool = False
    """Whether case does not count."""

    binary: ClassVar[bool] = False

    def prepare(self) -> None:
        """Raise where sacrebleu is not installed."""
        need("sacrebleu", grader="chrf")

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The highest chrF over the references."""
        score = self._metric.sentence_score(text, list(references)).score if references else 0.0
        return Grade(in_range(score / 100), text.strip())

    def problem(self, references: Sequence[str]) -> str | None:
        """A blank reference has no n-gram."""
        blank = any(not one.strip() for one in references)
        return "a blank reference" if blank else super().problem(references)

    @cached_property
    def _metric(self) -> CHRF:
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(
            char_order=self.char_order,
            word_order=self.word_order,
            beta=self.beta,
            lowercase=self.lowercase,
        )
