"""Pairs through an encoder-decoder: the prompt is read whole, the response is written beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from trainers.choices import PoolAt, PoolIn, Pooling
from trainers.collator import MicroBatch, PairCollator, class_numbers
from trainers.features import EncodedPair
from trainers.forward import PairForward
from trainers.outputs import upcast
from trainers.pooling import pool


class EncoderDecoderBatch(MicroBatch):
    """A micro-batch whose `input_ids`, `attention_mask` and `prompt` are the encoder's.

    `response` is of the decoder's places: True where the next token is one of the response.
    """

    decoder_input_ids: Tensor
    """[2n, places], what a decoder begins with, then the response."""
    decoder_mask: Tensor
    """[2n, places], 1 for tokens, 0 for padding."""
    targets: Tensor
    """[2n, places], the token that follows each, where `response` is True."""
    beginning: Tensor
    """[2n, places], True where the decoder has seen nothing of the response."""


@dataclass(frozen=True, slots=True)
class EncoderDecoderCollator(PairCollator):
    """Makes batches of an encoder-decoder; both sides are padded on the right.

    There it changes nothing: the encoder is told what padding is, and the decoder never sees what
    stands behind. (BART would count its positions from padding on the left.)

    Example:
        >>> from trainers.features import EncodedText
        >>> text = EncodedText(ids=(5, 6, 7, 1), prompt=2)
        >>> pair = EncodedPair(text, text, "x", "i", "j")
        >>> batch = EncoderDecoderCollator(pad_id=0, micro=1, start=(0,))([(0, pair)])["micro"][0]
        >>> batch["input_ids"][0].tolist(), batch["decoder_input_ids"][0].tolist()
        ([5, 6], [0, 7, 1])
        >>> batch["targets"][0].tolist(), batch["response"][0].tolist()
        ([7, 1, 0], [True, True, False])
    """

    start: tuple[int, ...] = ()
    """What the model's decoder begins with."""

    def _micro_batch(self, pairs: Sequence[EncodedPair]) -> EncoderDecoderBatch:
        texts = [pair.original for pair in pairs] + [pair.paraphrase for pair in pairs]
        prompts, read = self._pad([text.ids[: text.prompt] for text in texts])
        responses = [text.ids[text.prompt :] for text in texts]
        written, own = self._pad([self.start + response for response in responses])
        place = torch.arange(written.shape[1])  # [places]
        first = len(self.start) - 1  # the place that predicts a response's first token
        lengths = torch.tensor([len(response) for response in responses])[:, None]  # [2n, 1]
        return EncoderDecoderBatch(
            input_ids=prompts,
            attention_mask=read.long(),
            position_ids=torch.arange(prompts.shape[1]).expand_as(prompts),
            prompt=read,
            response=(place >= first) & (place < first + lengths),
            content=torch.zeros_like(read),
            classes=class_numbers(pairs),
            decoder_input_ids=written,
            decoder_mask=own.long(),
            targets=written.roll(-1, 1),
            beginning=(place <= first).expand_as(written),
        )

    def _pad(self, rows: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        """[rows, length] tokens, and where they are."""
        longest = max(map(len, rows))
        shape = (len(rows), -(-longest // self.multiple_of) * self.multiple_of)
        tokens = torch.full(shape, self.pad_id)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids)] = torch.tensor(ids)
        lengths = torch.tensor([len(ids) for ids in rows])[:, None]
        return tokens, torch.arange(shape[1]) < lengths


class EncoderDecoderForward(PairForward):
    """Runs micro-batches through an encoder-decoder, and pools the states of either side.

    In the decoder `sequence-end` are the places up to the response's last token, `prompt-end` is
    where the response begins. The encoder has read the prompt alone, so that both are the same.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        pooling: Pooling,
        pool_at: PoolAt,
        pool_in: PoolIn,
        layer: int | None = None,
    ) -> None:
        super().__init__(
            model, pooling=pooling, pool_at=pool_at, predicts_prompt=False, layer=layer
        )
        self._side = pool_in

    def _inputs(self, batch: MicroBatch) -> dict[str, object]:
        return {
            "input_ids": batch["input_ids"],
            "attention_mask": batch["attention_mask"],
            "decoder_input_ids": cast(EncoderDecoderBatch, batch)["decoder_input_ids"],
        }

    def _response(self, batch: MicroBatch) -> Tensor:
        return batch["response"]

    def _targets(self, batch: MicroBatch) -> Tensor:
        return cast(EncoderDecoderBatch, batch)["targets"]

    def _pool(self, states: Tensor, batch: MicroBatch, out: Mapping[str, Any]) -> Tensor:
        if self._side == "encoder":
            states = out["encoder_last_hidden_state"]  # [2n, length, width]
        layers = out[f"{self._side}_hidden_states"] if self._needs_layers else None
        first = None if layers is None else upcast(layers[1])
        # Of these two layers the same measure must be taken: T5 scales what its output layer sees.
        states = states if layers is None else layers[self._layer or -1]
        mask = self._mask(cast(EncoderDecoderBatch, batch))
        return pool(upcast(states), mask, self._pooling, first=first)

    def _mask(self, batch: EncoderDecoderBatch) -> Tensor:
        if self._side == "encoder":
            return batch["prompt"]
        return batch["beginning"] if self._pool_at == "prompt-end" else batch["decoder_mask"].bool()
