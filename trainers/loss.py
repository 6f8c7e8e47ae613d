"""From a micro-batch's outputs to the terms of the objective, as shares of the whole batch's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.collator import MicroBatch
from trainers.forward import Outputs, shift_left
from trainers.objectives import Term
from trainers.objectives.consensus import alignment_loss, majority_loss
from trainers.objectives.consistency import divergence_loss
from trainers.objectives.contrast import contrast_weight
from trainers.objectives.generation import generation_loss, token_nll


@dataclass(frozen=True, slots=True)
class LossOptions:
    """What the loss is made of."""

    terms: Mapping[Term, float]
    temperature: float = 0.05
    fixed_weight: float | None = None
    """Weight of the contrast; None for the reference's adaptive one."""
    weight_limit: float = 1000.0
    negatives: str = "batch"
    strict_majority: bool = False

    @property
    def content(self) -> bool:
        """Whether tokens of the prompt are predicted, too."""
        return "modelling" in self.terms

    def weigh_contrast(self, generation: Tensor, contrast: Tensor) -> Tensor:
        """What L_con is multiplied by, the objective's own weight included."""
        own = self.terms["contrast"]
        if self.fixed_weight is not None:
            return torch.full_like(contrast, own * self.fixed_weight)
        return own * contrast_weight(generation, contrast, limit=self.weight_limit)


class Totals(NamedTuple):
    """What sums are divided by: counts over the whole batch, all devices included."""

    pairs: int
    original: int
    """Response tokens under originals."""
    paraphrase: int
    """Response tokens under paraphrases."""
    original_content: int
    """Those and the tokens of instruction and input."""
    paraphrase_content: int
    aligned: int
    """Response tokens that both wordings have."""


def count(batches: Sequence[MicroBatch]) -> Tensor:
    """The totals of some micro-batches as a tensor of int64, to be summed over devices."""
    return torch.stack([_count(batch) for batch in batches]).sum(0)


def _count(batch: MicroBatch) -> Tensor:
    response = shift_left(batch["response"]).sum(1)  # [2n]
    content = response + shift_left(batch["content"]).sum(1)  # [2n]
    half = response.shape[0] // 2
    parts = (response[:half], response[half:], content[:half], content[half:])
    aligned = torch.minimum(parts[0], parts[1])  # [n]
    pairs = torch.tensor(half, device=response.device)
    return torch.stack([pairs, *(part.sum() for part in parts), aligned.sum()])


def compute_terms(outputs: Outputs, totals: Totals, options: LossOptions) -> dict[Term, Tensor]:
    """Each term but the contrast, as this micro-batch's share of the batch's value.

    The shares of all micro-batches on all devices add up to the term of the batch, so that neither
    the size of micro-batches nor the number of devices changes the loss.
    """
    found: dict[Term, Tensor] = {}
    if "generation" in options.terms or "modelling" in options.terms:
        found |= _likelihoods(outputs, totals, options)
    if "divergence" in options.terms:
        original, paraphrase = _align(outputs)
        logits = outputs.logits
        found["divergence"] = divergence_loss(
            logits[original], logits[paraphrase], tokens=totals.aligned
        )
    if "majority" in options.terms or "alignment" in options.terms:
        answers = outputs.logits[_first(outputs)]  # [2n, vocabulary]
        by_wording = answers.reshape(2, outputs.pairs, -1)  # [2, n, vocabulary]
        states = outputs.states.reshape(2, outputs.pairs, -1)  # [2, n, width]
        strict, entries = options.strict_majority, totals.pairs
        found["majority"] = majority_loss(by_wording, strict=strict, entries=entries)
        found["alignment"] = alignment_loss(states, by_wording, strict=strict, entries=entries)
    return {term: value for term, value in found.items() if term in options.terms}


def sum_terms(terms: Mapping[Term, Tensor], options: LossOptions) -> Tensor:
    """The weighted sum of terms other than the contrast."""
    weighted = [options.terms[term] * value for term, value in terms.items()]
    return torch.stack(weighted).sum() if weighted else torch.zeros(())


def language_loss(terms: Mapping[Term, Tensor]) -> Tensor | None:
    """What the contrast's adaptive weight is relative to: L_gen."""
    return terms.get("generation", terms.get("modelling"))


def _likelihoods(outputs: Outputs, totals: Totals, options: LossOptions) -> dict[Term, Tensor]:
    nll = token_nll(outputs.logits, outputs.targets)  # [positions]
    original = outputs.rows < outputs.pairs  # [positions]
    response = outputs.in_response  # [positions]
    found: dict[Term, Tensor] = {
        "generation": generation_loss(
            nll[original & response],
            nll[~original & response],
            original_tokens=totals.original,
            paraphrase_tokens=totals.paraphrase,
        )
    }
    if options.content:
        found["modelling"] = generation_loss(
            nll[original],
            nll[~original],
            original_tokens=totals.original_content,
            paraphrase_tokens=totals.paraphrase_content,
        )
    return found


def _align(outputs: Outputs) -> tuple[Tensor, Tensor]:
    """Positions of the same response token under both wordings, counted from the end.

    Where a tokenizer merges a prompt's end with the target's start, one wording can have a token
    more; from the end they are equal.
    """
    index, row, counts, ends = _responses(outputs)
    from_end = ends[row] - 1 - torch.arange(len(index), device=index.device)  # [positions]
    n = outputs.pairs
    common = torch.minimum(counts[:n], counts[n:]).repeat(2)  # [2n]
    kept = from_end < common[row]  # [positions]
    return index[kept & (row < n)], index[kept & (row >= n)]


def _first(outputs: Outputs) -> Tensor:
    """The position that predicts the first response token of each text, [2n]."""
    index, _, counts, ends = _responses(outputs)
    return index[ends - counts]


def _responses(outputs: Outputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Response positions, the text of each; how many each text has, and where they end."""
    index = outputs.in_response.nonzero().squeeze(1)  # [positions]
    row = outputs.rows[index]  # [positions]
    counts = row.bincount(minlength=2 * outputs.pairs)  # [2n]
    return index, row, counts, counts.cumsum(0)
