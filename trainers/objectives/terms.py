"""The terms that an objective can be made of: one row here and one file beside it per term.

To add one: write `NAME.py` with a function `NAME_share(outputs, totals, options)`, or
`NAME_over_batch(states, options)` where it compares rows with each other, and a row below.
Parsing, the training step, the log, the manifest and the model card read this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.loss import LossOptions
    from trainers.outputs import BatchStates, Outputs, Totals


Share = Callable[["Outputs", "Totals", "LossOptions"], "Tensor"]
"""A micro-batch's share of the term: all shares of a batch add up to its value."""
Comparison = Callable[["BatchStates", "LossOptions"], "Tensor"]
"""A term of all states of a batch, those of every device."""


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a training objective."""

    name: str
    about: str
    """What it is, in a line of a model card."""
    source: str = ""
    """The paper that it comes from."""
    weight: float = 1.0
    """What it is multiplied by where an objective names it without a weight."""
    predicts_prompt: bool = False
    """Whether it needs logits at the tokens of instruction and input, not of the target alone."""
    is_language_loss: bool = False
    """Whether it can stand for L_gen, which the contrast's adaptive weight is relative to."""
    compares_batch: bool = False
    """Whether it compares pairs with each other: it is a function of all states of a batch, and
    has no shares."""
    taught: bool = False
    """Whether it needs a teacher's answers."""
    projected: bool = False
    """Whether it sees states through the projection head."""

    def load_share(self) -> Share:
        """The term's function.

        Raises:
            AttributeError: it compares a batch and has no shares.
        """
        share: Share = getattr(self._module, f"{self.name}_share")
        return share

    def load_comparison(self) -> Comparison:
        """The function of a term that compares the batch.

        Raises:
            AttributeError: it is a sum of shares.
        """
        comparison: Comparison = getattr(self._module, f"{self.name}_over_batch")
        return comparison

    @property
    def _module(self) -> ModuleType:
        return import_module(f"trainers.objectives.{self.name}")


TERMS: Final[Mapping[str, Term]] = {
    term.name: term
    for term in (
        Term(
            "generation",
            "cross-entropy of the target under the original and the paraphrase, summed",
            is_language_loss=True,
        ),
        Term(
            "modelling",
            "cross-entropy of instruction, input and target under both, summed",
            source="Instruction Modelling (arXiv 2405.14394)",
            predicts_prompt=True,
            is_language_loss=True,
        ),
        Term(
            "contrast",
            "symmetric InfoNCE between the pooled states of originals and paraphrases",
            source="Contrastive Instruction Tuning (arXiv 2402.11138)",
            compares_batch=True,
        ),
        Term(
            "supervised",
            "supervised contrast: states of the same request and answer close, others apart",
            source="Supervised Contrastive Learning (arXiv 2004.11362)",
            compares_batch=True,
            projected=True,
        ),
        Term(
            "invariance",
            "states of a row equal under its instructions, with variance and without covariance",
            source="VICReg (arXiv 2105.04906)",
            weight=0.04,  # the mean square then counts once
            compares_batch=True,
            projected=True,
        ),
        Term(
            "divergence",
            "Jensen-Shannon divergence between the answers to original and paraphrase",
            source="Prompt Perturbation Consistency Learning (arXiv 2402.15833)",
        ),
        Term(
            "majority",
            "cross-entropy on the answer that most variants of the instruction get",
            source="Flip-Flop Consistency (arXiv 2510.14242)",
        ),
        Term(
            "variance",
            "variance of a row's risk over its instructions",
            source="V-REx (arXiv 2003.00688), row by row",
        ),
        Term(
            "worst",
            "cross-entropy of the target under the instruction of a row that is answered worst",
            source="Group DRO (arXiv 1911.08731), row by row",
            is_language_loss=True,
        ),
        Term(
            "teacher",
            "divergence of every instruction's answer from a slower self's mean answer",
            source="Mean Teacher (arXiv 1703.01780), over instructions",
            taught=True,
        ),
        Term("alignment", "closeness of states to those of the surest variant"),
    )
}
