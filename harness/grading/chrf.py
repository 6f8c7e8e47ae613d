"""chrF by sacrebleu."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from harness.grading.sacrebleu_options import SacrebleuOptions

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF


class ChrF(SacrebleuOptions):
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

    @cached_property
    def metric(self) -> CHRF:
        """sacrebleu's chrF with these options."""
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(
            char_order=self.char_order,
            word_order=self.word_order,
            beta=self.beta,
            lowercase=self.lowercase,
        )
