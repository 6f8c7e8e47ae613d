"""BLEU by sacrebleu."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from harness.grading.sacrebleu_options import SacrebleuOptions

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU


class Bleu(SacrebleuOptions):
    """Sentence BLEU (Papineni et al. 2002) by sacrebleu (Post 2018), divided by 100.

    Several references are BLEU's own: n-grams match in any of them. As sacrebleu does by default,
    missing n-grams are smoothed and those that a short text cannot have are left out.
    """

    name: Literal["bleu"] = "bleu"
    tokenize: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    """sacrebleu's tokenizer: `13a` (mteval's), `intl` (Unicode), `zh` (Chinese), `char`, `none`."""
    smooth: Literal["exp", "floor", "add-k", "none"] = "exp"
    """What stands for an n-gram count of zero: sacrebleu's methods."""

    @cached_property
    def metric(self) -> BLEU:
        """sacrebleu's BLEU with these options."""
        from sacrebleu.metrics.bleu import BLEU

        return BLEU(
            lowercase=self.lowercase,
            tokenize=self.tokenize,
            smooth_method=self.smooth,
            effective_order=True,
        )
