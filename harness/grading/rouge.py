"""ROUGE by rouge-score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.grading.grade import Grade, GraderOptions
from harness.grading.libraries import in_range, need

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


class Rouge(GraderOptions):
    """ROUGE's F-measure (Lin 2004) by rouge-score; the best over the references counts.

    Its tokens are runs of Latin letters and digits: for other scripts take `chrf`.
    """

    name: Literal["rouge"] = "rouge"
    variant: Literal["rouge1", "rouge2", "rougeL", "rougeLsum"] = "rougeL"
    """Words, pairs of words, longest common subsequence, or that line by line."""
    stemmer: bool = False
    """Whether words are stemmed (Porter) first."""

    binary: ClassVar[bool] = False

    def prepare(self) -> None:
        """Raise where rouge-score is not installed."""
        need("rouge-score", grader="rouge")

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The highest F-measure over the references."""
        scores = (self._scorer.score(one, text)[self.variant].fmeasure for one in references)
        return Grade(in_range(max(scores, default=0.0)), text.strip())

    def problem(self, references: Sequence[str]) -> str | None:
        """References need a word, or two where pairs of words are counted."""
        least = 2 if self.variant == "rouge2" else 1
        for reference in references:
            if len(re.findall(r"[a-z0-9]+", reference.lower())) < least:
                return (
                    f"the reference {reference[:80]!r} has fewer than {least} words of Latin "
                    "letters and digits, which are all that ROUGE counts; take chrf"
                )
        return super().problem(references)

    @cached_property
    def _scorer(self) -> RougeScorer:
        from rouge_score.rouge_scorer import RougeScorer

        return RougeScorer([self.variant], use_stemmer=self.stemmer)
