"""What a micro-batch comes to, and where in it the tokens stand that terms look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.collator import MicroBatch


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a micro-batch of `n` pairs came to: rows 0 to n - 1 are originals, then paraphrases."""

    states: Tensor
    """[2n, width], pooled, in float32."""
    logits: Tensor
    """[positions, vocabulary], at the positions that predict a token of interest, row by row."""
    targets: Tensor
    """[positions], the token that follows."""
    rows: Tensor
    """[positions], which text each belongs to."""
    in_response: Tensor
    """[positions], whether that token is one of the response, not of the prompt."""

    @property
    def pairs(self) -> int:
        """How many pairs."""
        return self.states.shape[0] // 2


class BatchStates(NamedTuple):
    """The pooled states of a batch, those of all devices, for terms that compare its pairs."""

    original: Tensor
    """[entries, width]"""
    paraphrase: Tensor
    """[entries, width], of the same pairs, in the same order."""
    classes: Tensor
    """[entries], equal numbers for pairs that make the same request and have the same target."""


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
    """Response tokens that original and paraphrase both have."""


def count(batches: Sequence[MicroBatch]) -> Tensor:
    """The `Totals` of some micro-batches as a tensor of int64, to be summed over devices."""
    return torch.stack([_count(batch) for batch in batches]).sum(0)


def _count(batch: MicroBatch) -> Tensor:
    response = batch["response"].sum(1)  # [2n]
    content = response + batch["content"].sum(1)  # [2n]; a text's first token is in neither
    half = response.shape[0] // 2
    parts = (response[:half], response[half:], content[:half], content[half:])
    aligned = torch.minimum(parts[0], parts[1])  # [n]
    pairs = torch.tensor(half, device=response.device)
    return torch.stack([pairs, *(part.sum() for part in parts), aligned.sum()])


def shift_left(mask: Tensor) -> Tensor:
    """Where the next token is marked: the positions that predict the marked ones."""
    shifted = torch.zeros_like(mask)
    shifted[:, :-1] = mask[:, 1:]
    return shifted


def align_responses(outputs: Outputs) -> tuple[Tensor, Tensor]:
    """Positions of the same response token under original and paraphrase, counted from the end.

    Where a tokenizer merges a prompt's end with the target's start, one of them can have a token
    more; from the end they are equal.
    """
    index, row, counts, ends = _responses(outputs)
    from_end = ends[row] - 1 - torch.arange(len(index), device=index.device)  # [positions]
    n = outputs.pairs
    common = torch.minimum(counts[:n], counts[n:]).repeat(2)  # [2n]
    kept = from_end < common[row]  # [positions]
    return index[kept & (row < n)], index[kept & (row >= n)]


def answer_logits(outputs: Outputs) -> Tensor:
    """[2, n, vocabulary], what predicts the first response token of originals and paraphrases."""
    index, _, counts, ends = _responses(outputs)
    first = index[ends - counts]  # [2n]
    return outputs.logits[first].reshape(2, outputs.pairs, -1)


def _responses(outputs: Outputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Response positions, the text of each; how many each text has, and where they end."""
    index = outputs.in_response.nonzero().squeeze(1)  # [positions]
    row = outputs.rows[index]  # [positions]
    counts = row.bincount(minlength=2 * outputs.pairs)  # [2n]
    return index, row, counts, counts.cumsum(0)


def upcast(values: Tensor) -> Tensor:
    """Half-precision values in float32, wider ones as they are."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
