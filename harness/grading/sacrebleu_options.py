"""What the two graders by sacrebleu, BLEU and chrF, have in common.

The score is of one text. The mean of sentence scores over a test set is not the corpus score, which
pools counts first; robustness needs a score per example.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

from harness.grading.grade import Grade, GraderOptions
from harness.grading.libraries import in_range, need


class SentenceScore(Protocol):
    """A score of sacrebleu."""

    score: float
    """In [0, 100]."""


class SentenceMetric(Protocol):
    """A metric of sacrebleu that scores one text."""

    def sentence_score(self, hypothesis: str, references: Sequence[str]) -> SentenceScore:
        """The score of a text against its references."""
        ...


class SacrebleuOptions(GraderOptions):
    """Base of the graders that sacrebleu computes (Post 2018), divided by 100."""

    binary: ClassVar[bool] = False

    lowercase: bool = False
    """Whether case does not count."""

    @property
    @abstractmethod
    def metric(self) -> SentenceMetric:
        """sacrebleu's metric with these options."""

    def prepare(self) -> None:
        """Raise where sacrebleu is not installed."""
        need("sacrebleu", grader=str(getattr(self, "name", "")))

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The score against all references, as the metric takes several."""
        score = self.metric.sentence_score(text, list(references)).score if references else 0.0
        return Grade(in_range(score / 100), text.strip())

    def problem(self, references: Sequence[str]) -> str | None:
        """A blank reference has no n-gram."""
        blank = any(not one.strip() for one in references)
        return "a blank reference" if blank else super().problem(references)
