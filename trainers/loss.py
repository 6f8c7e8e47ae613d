"""From a micro-batch's outputs to the terms of the objective, as shares of the whole batch's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.objectives import TERMS
from trainers.objectives.contrast import contrast_weight
from trainers.outputs import Outputs, Totals


@dataclass(frozen=True, slots=True)
class LossOptions:
    """What the loss is made of."""

    terms: Mapping[str, float]
    """Term -> weight, as `parse_objective` returns them."""
    temperature: float = 0.05
    """InfoNCE temperature."""
    fixed_weight: float | None = None
    """Weight of the contrast; None for the reference's adaptive one."""
    weight_limit: float = 1000.0
    """Upper bound of the adaptive weight."""
    negatives: str = "batch"
    """`batch`: all other pairs of the batch are negatives; `micro`: those of the micro-batch."""
    strict_majority: bool = False
    """Whether a consensus needs more than half of the variants."""
    instructions: int = 2
    """Of a row, in a batch: two of each of its pairs, which stand side by side."""

    @property
    def predicts_prompt(self) -> bool:
        """Whether logits at tokens of the prompt are needed, too."""
        return any(TERMS[name].predicts_prompt for name in self.terms)

    @property
    def over_batch(self) -> tuple[str, ...]:
        """The terms that compare all pairs of a batch, not those of a micro-batch or of none."""
        return tuple(
            name
            for name in self.terms
            if TERMS[name].compares_batch and (name != "contrast" or self.negatives == "batch")
        )

    @property
    def language_term(self) -> str | None:
        """The term that stands for L_gen, or None where the objective has none."""
        named = (name for name, term in TERMS.items() if term.is_language_loss)
        return next((name for name in named if name in self.terms), None)

    def weigh_contrast(self, language: Tensor, contrast: Tensor) -> Tensor:
        """What L_con is multiplied by, the objective's own weight included."""
        own = self.terms["contrast"]
        if self.fixed_weight is not None:
            return torch.full_like(contrast, own * self.fixed_weight)
        return own * contrast_weight(language, contrast, limit=self.weight_limit)


def compute_terms(outputs: Outputs, totals: Totals, options: LossOptions) -> dict[str, Tensor]:
    """Each term that is a sum of shares, as this micro-batch's share of the batch's value.

    The shares of all micro-batches on all devices add up to the term of the batch, so that neither
    the size of micro-batches nor the number of devices changes the loss.

    Args:
        outputs: of the micro-batch.
        totals: counts over the whole batch, which sums are divided by.
        options: the terms and their settings.

    Returns:
        Term -> its share, a scalar with a graph, before weighting.
    """
    wanted = [term for term in TERMS.values() if term.name in options.terms]
    return {
        term.name: term.load_share()(outputs, totals, options)
        for term in wanted
        if not term.compares_batch
    }


def compute_language_loss(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor | None:
    """The share of L_gen, the only term that the contrast's adaptive weight reads."""
    name = options.language_term
    return None if name is None else TERMS[name].load_share()(outputs, totals, options)


def sum_terms(terms: Mapping[str, Tensor], options: LossOptions) -> Tensor:
    """The weighted sum of such terms."""
    weighted = [options.terms[name] * value for name, value in terms.items()]
    return torch.stack(weighted).sum() if weighted else torch.zeros(())
