"""Packing: rows of different lengths laid end to end, so that no layer computes a padding token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from harness.models.inference.token_tree import Read, Row


@dataclass(frozen=True, slots=True)
class Placed:
    """A row and which of the prefixes at hand it follows."""

    row: Row
    prefix: int
    prefix_length: int

    @property
    def length(self) -> int:
        """How many tokens the row computes at once."""
        return len(self.row.tokens)

    @property
    def logit_rows(self) -> int:
        """How many next-token distributions it needs at once."""
        return len({node for read in self.row.reads for node, _ in read.steps}) or 1

    @property
    def cost(self) -> int:
        """How many tokens of a batch's budget it takes."""
        return self.length


P = TypeVar("P", bound=Placed)


def cut_batches(rows: Sequence[P], budget: int, logit_rows: int) -> Iterator[list[P]]:
    """The rows by falling length, in batches within the budget of tokens and of logits.

    A row longer than the budget is a batch of its own. The longest come first, so that a batch
    that doesn't fit into memory shows at once.
    """
    batch: list[P] = []
    tokens = logits = 0
    for placed in sorted(rows, key=lambda placed: -placed.length):
        if batch and (tokens + placed.cost > budget or logits + placed.logit_rows > logit_rows):
            yield batch
            batch, tokens, logits = [], 0, 0
        batch.append(placed)
        tokens += placed.cost
        logits += placed.logit_rows
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the tokens of a batch are: T packed tokens of B rows, the longest of length L."""

    tokens: Tensor
    """(1, T) token ids."""
    positions: Tensor
    """(1, T) distance from the prompt's beginning."""
    gather: Tensor | None
    """(B * L) packed index of each padded place; None where all rows are of one length."""
    scatter: Tensor | None
    """(T) padded index of each packed token."""
    rows: int
    longest: int
    ends: Tensor | None
    """(B, L) one past the last descendant of each node; None where every row is a chain."""
    prefixes: Tensor
    """(B) which prefix each row follows."""

    def pad(self, packed: Tensor) -> Tensor:
        """(1, H, T, D) packed -> (B, H, L, D) padded; padding holds some token's values."""
        rows = packed[0].transpose(0, 1)  # (T, H, D)
        if self.gather is not None:
            rows = rows.index_select(0, self.gather)
        return rows.view(self.rows, self.longest, *rows.shape[1:]).transpose(1, 2)

    def pad_positions(self, nowhere: int) -> Tensor:
        """(B, L) position of each token, and `nowhere` in the padding."""
        if self.gather is None or self.scatter is None:
            return self.positions.view(self.rows, self.longest)
        padded = self.positions.new_full((self.rows * self.longest,), nowhere)
        padded[self.scatter] = self.positions[0]
        return padded.view(self.rows, self.longest)

    def unpad(self, padded: Tensor) -> Tensor:
        """(B, H, L, D) padded -> (1, T, H, D) packed."""
        rows = padded.transpose(1, 2).reshape(-1, padded.shape[1], padded.shape[3])
        return (rows if self.scatter is None else rows.index_select(0, self.scatter))[None]


def lay_out(batch: Sequence[Placed], device: torch.device) -> Layout:
    """The batch as tensors on the device."""
    lengths = np.array([placed.length for placed in batch])
    longest = int(lengths.max())
    starts = np.cumsum(lengths) - lengths
    place = np.arange(longest)
    filled = place < lengths[:, None]  # (B, L)
    ragged = not filled.all()
    depths = np.concatenate(
        [placed.row.depths or np.arange(placed.length) for placed in batch], dtype=np.int64
    )
    offsets = np.repeat([placed.prefix_length for placed in batch], lengths)
    gather = np.where(filled, starts[:, None] + place, 0).ravel()
    tokens = np.concatenate([placed.row.tokens for placed in batch], dtype=np.int64)
    ends = _ends(batch, longest)
    return Layout(
        tokens=torch.from_numpy(tokens)[None].to(device),
        positions=torch.from_numpy(depths + offsets)[None].to(device),
        gather=torch.from_numpy(gather).to(device) if ragged else None,
        scatter=torch.from_numpy(np.flatnonzero(filled)).to(device) if ragged else None,
        rows=len(batch),
        longest=longest,
        ends=None if ends is None else torch.from_numpy(ends).to(device),
        prefixes=torch.tensor([placed.prefix for placed in batch], device=device),
    )


def _ends(batch: Sequence[Placed], longest: int) -> np.ndarray | None:
    """(B, L) one past the last descendant of each node, `longest` in chains and padding."""
    if all(placed.row.ends is None for placed in batch):
        return None
    ends = np.full((len(batch), longest), longest, dtype=np.int64)
    for index, placed in enumerate(batch):
        if placed.row.ends is not None:
            ends[index, : placed.length] = placed.row.ends
    return ends


@dataclass(frozen=True, slots=True)
class Reads:
    """Which log-probabilities a batch's labels need."""

    nodes: Tensor
    """(N) packed indices whose next-token distribution is needed, each once."""
    rows: Tensor
    """(K) index into `nodes` of each (node, next token) pair."""
    next_tokens: Tensor
    """(K) the next token of each pair."""
    owners: tuple[tuple[Read, int], ...]
    """Each label's read and how many pairs, in order, are its own."""


def collect_reads(batch: Sequence[Placed], device: torch.device) -> Reads:
    """What to read from the batch's packed tokens."""
    nodes: dict[int, int] = {}
    rows: list[int] = []
    next_tokens: list[int] = []
    owners: list[tuple[Read, int]] = []
    start = 0
    for placed in batch:
        for read in placed.row.reads:
            owners.append((read, len(read.steps)))
            for node, token in read.steps:
                rows.append(nodes.setdefault(start + node, len(nodes)))
                next_tokens.append(token)
        start += placed.length
    return Reads(
        nodes=torch.tensor(list(nodes), dtype=torch.long, device=device),
        rows=torch.tensor(rows, dtype=torch.long, device=device),
        next_tokens=torch.tensor(next_tokens, dtype=torch.long, device=device),
        owners=tuple(owners),
    )
