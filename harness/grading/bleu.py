"""BLEU by sacrebleu.

The score is of one text. The mean of sentence scores over a test set is not the corpus score, which
pools counts first; robustness needs a score per example.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.grading.grade import Grade, GraderOptions
from harness.grading.libraries import in_range, need

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU


class Bleu(GraderOptions):
    """Sentence BLEU (Papineni et al. 2002) by sacrebleu (Post 2018), divided by 100.

    Several references are BLEU's own: n-grams match in any of them. As sacrebleu does by default,
    missing n-grams are smoothed and those that a short text cannot have are left out.
    """

    name: Literal["bleu"] = "bleu"
    lowercase: bool = False
    """Whether case does not count."""
    tokenize: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    """sacrebleu's tokenizer: `13a` (mteval's), `intl` (Unicode), `zh` (Chinese), `char`, `none`."""
    smooth: Literal["exp", "floor", "add-k", "none"] = "exp"
    """What stands for an n-gram count of zero: sacrebleu's methods."""

    binary: ClassVar[bool] = False

    def prepare(self) -> None:
        """Raise where sacrebleu is not installed."""
        need("sacrebleu", grader="bleu")

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """BLEU against all references together."""
        score = self._metric.sentence_score(text, list(references)).score if references else 0.0
        return Grade(in_range(score / 100), text.strip())

    def problem(self, references: Sequence[str]) -> str | None:
        """A blank reference has no n-gram."""
        blank = any(not one.strip() for one in references)
        return "a blank reference" if blank else super().problem(references)

    @cached_property
    def _metric(self) -> BLEU:
        from sacrebleu.metrics.bleu import BLEU

        return BLEU(
            lowercase=self.lowercase,
            tokenize=self.tokenize,
            smooth_method=self.smooth,
            effective_order=True,
        )
