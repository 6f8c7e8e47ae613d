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
    teacher: Tensor | None = None
    """[positions, vocabulary], the teacher's logits there, where an objective has a teacher."""

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
    rows: int
    """As many rows as there are groups of pairs with all instructions of one."""
    row_aligned: int
    """Response tokens that a row has under all of its instructions."""


def count(batches: Sequence[MicroBatch], instructions: int = 2) -> Tensor:
    """The `Totals` of some micro-batches as a tensor of int64, to be summed over devices."""
    return torch.stack([_count(batch, instructions) for batch in batches]).sum(0)


def _count(batch: MicroBatch, instructions: int) -> Tensor:
    response = batch["response"].sum(1)  # [2n]
    content = response + batch["content"].sum(1)  # [2n]; a text's first token is in neither
    half = response.shape[0] // 2
    parts = (response[:half], response[half:], content[:half], content[half:])
    aligned = torch.minimum(parts[0], parts[1])  # [n]
    pairs = torch.tensor(half, device=response.device)
    of_rows = by_row(response, instructions).amin(0)  # [rows]
    rows = torch.full_like(pairs, len(of_rows))
    sums = (part.sum() for part in (*parts, aligned))
    return torch.stack([pairs, *sums, rows, of_rows.sum()])


def by_row(values: Tensor, instructions: int) -> Tensor:
    """Values of texts, `[2n, ...]` with originals first, as `[instructions, rows, ...]`.

    A row's pairs stand side by side, each with two of its instructions.

    Example:
        >>> by_row(torch.tensor([0, 1, 2, 3, 10, 11, 12, 13]), 4).tolist()  # two rows of two pairs
        [[0, 2], [1, 3], [10, 12], [11, 13]]
    """
    pairs = instructions // 2
    rows = values.shape[0] // instructions
    parted = values.reshape(2, rows, pairs, *values.shape[1:])  # [2, rows, pairs, ...]
    return parted.transpose(1, 2).reshape(instructions, rows, *values.shape[1:])


def shift_left(mask: Tensor) -> Tensor:
    """Where the next token is marked: the positions that predict the marked ones."""
    shifted = torch.zeros_like(mask)
    shifted[:, :-1] = mask[:, 1:]
    return shifted


def align_responses(outputs: Outputs, instructions: int = 2) -> Tensor:
    """[instructions, tokens], where the same response token of a row stands under each.

    Tokens are counted from the end: where a tokenizer merges a prompt's end with the target's
    start, one text can have a token more.
    """
    index, row, counts, ends = _responses(outputs)
    from_end = ends[row] - 1 - torch.arange(len(index), device=index.device)  # [positions]
    slots = by_row(torch.arange(len(counts), device=index.device), instructions)
    common = by_row(counts, instructions).amin(0)  # [rows]
    least = torch.empty_like(counts)
    least[slots] = common.expand_as(slots)  # [2n]
    kept = index[from_end < least[row]]  # [kept positions], text by text
    texts = outputs.rows[kept]  # [kept positions]
    slot_of = torch.empty_like(counts)
    slot_of[slots] = torch.arange(instructions, device=index.device).unsqueeze(1).expand_as(slots)
    order = slot_of[texts].argsort(stable=True)  # rows stay in order within an instruction
    return kept[order].reshape(instructions, -1)


def answer_logits(outputs: Outputs, instructions: int = 2) -> Tensor:
    """[instructions, rows, vocabulary], what predicts the first response token of each text."""
    index, _, counts, ends = _responses(outputs)
    first = index[ends - counts]  # [2n]
    return by_row(outputs.logits[first], instructions)


def _responses(outputs: Outputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Response positions, the text of each; how many each text has, and where they end."""
    index = outputs.in_response.nonzero().squeeze(1)  # [positions]
    row = outputs.rows[index]  # [positions]
    counts = row.bincount(minlength=2 * outputs.pairs)  # [2n]
    return index, row, counts, counts.cumsum(0)


def upcast(values: Tensor) -> Tensor:
    """Half-precision values in float32, wider ones as they are."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
