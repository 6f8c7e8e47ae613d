"""From encoded pairs to tensors: originals and paraphrases in one batch, little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import torch
from torch import Tensor

from trainers.choices import PaddingSide
from trainers.features import EncodedPair, EncodedText


class MicroBatch(TypedDict):
    """What goes through the model at once: `n` originals, then their `n` paraphrases."""

    input_ids: Tensor
    """[2n, length]"""
    attention_mask: Tensor
    """[2n, length], 1 for tokens, 0 for padding."""
    position_ids: Tensor
    """[2n, length], counted from each text's first token."""
    prompt: Tensor
    """[2n, length], True for the prompt's tokens."""
    response: Tensor
    """[2n, length], True for the response's tokens."""
    content: Tensor
    """[2n, length], True for tokens of the instruction and the input, where they were asked for."""
    classes: Tensor
    """[n], equal numbers for pairs of the same request and target."""


class Batch(TypedDict):
    """The pairs of one optimiser step on one device."""

    pairs: Tensor
    """[pairs], their indices in the data."""
    micro: list[MicroBatch]


def count_tokens(batch: MicroBatch) -> int:
    """How many tokens go through the model, on either side of it."""
    return sum(int(mask.sum()) for mask in _masks(batch))


def count_places(batch: MicroBatch) -> int:
    """Tokens and padding."""
    return sum(mask.numel() for mask in _masks(batch))


def class_numbers(pairs: Sequence[EncodedPair]) -> Tensor:
    """[pairs], equal numbers for pairs of the same request and target."""
    return torch.tensor([pair.class_number for pair in pairs])


def _masks(batch: MicroBatch) -> list[Tensor]:
    """The masks of padding: one, or an encoder's and its decoder's."""
    sides = ("attention_mask", "decoder_mask")
    return [cast(Tensor, tensor) for name, tensor in batch.items() if name in sides]


@dataclass(frozen=True, slots=True)
class PairCollator:
    """Makes a batch of pairs, in micro-batches of similar length.

    Example:
        >>> text = EncodedText(ids=(5, 6, 7), prompt=2)
        >>> pair = EncodedPair(text, text, "x", "i", "j")
        >>> batch = PairCollator(pad_id=0, micro=2)([(0, pair)])
        >>> batch["micro"][0]["response"].tolist()
        [[False, False, True], [False, False, True]]
    """

    pad_id: int
    micro: int
    """Pairs that go through the model at once."""
    side: PaddingSide = "left"
    multiple_of: int = 1
    """Lengths are padded to a multiple of it: matrix units of GPUs like 8."""
    sort: bool = True
    """Whether pairs may change places for less padding; not where micro-batches must stay."""
    together: int = 1
    """Pairs of one row that stand side by side, and stay so."""

    def __call__(self, items: Sequence[tuple[int, EncodedPair]]) -> Batch:
        """The batch of (index, pair) items."""
        if self.sort:
            items = self._sort(items)
        return Batch(
            pairs=torch.tensor([index for index, _ in items]),
            micro=[
                self._micro_batch([pair for _, pair in items[start : start + self.micro]])
                for start in range(0, len(items), self.micro)
            ],
        )

    def _sort(self, items: Sequence[tuple[int, EncodedPair]]) -> list[tuple[int, EncodedPair]]:
        """Longest first, those of a row together."""
        starts = range(0, len(items), self.together)
        groups = [items[start : start + self.together] for start in starts]
        groups.sort(key=lambda group: max(pair.length for _, pair in group), reverse=True)
        return [item for group in groups for item in group]

    def _micro_batch(self, pairs: Sequence[EncodedPair]) -> MicroBatch:
        texts = [pair.original for pair in pairs] + [pair.paraphrase for pair in pairs]
        longest = max(len(text.ids) for text in texts)
        shape = (len(texts), -(-longest // self.multiple_of) * self.multiple_of)
        batch = MicroBatch(
            input_ids=torch.full(shape, self.pad_id),
            attention_mask=torch.zeros(shape, dtype=torch.long),
            position_ids=torch.zeros(shape, dtype=torch.long),
            prompt=torch.zeros(shape, dtype=torch.bool),
            response=torch.zeros(shape, dtype=torch.bool),
            content=torch.zeros(shape, dtype=torch.bool),
            classes=class_numbers(pairs),
        )
        for row, (start, text) in enumerate(self._places(texts, shape[1])):
            end, seam = start + len(text.ids), start + text.prompt
            batch["input_ids"][row, start:end] = torch.tensor(text.ids)
            batch["attention_mask"][row, start:end] = 1
            batch["position_ids"][row, start:end] = torch.arange(len(text.ids))
            batch["prompt"][row, start:seam] = True
            batch["response"][row, seam:end] = True
            batch["content"][row, [start + position for position in text.content]] = True
        return batch

    def _places(
        self, texts: Sequence[EncodedText], length: int
    ) -> Iterator[tuple[int, EncodedText]]:
        for text in texts:
            yield (length - len(text.ids) if self.side == "left" else 0), text
