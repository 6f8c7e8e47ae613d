"""One forward for originals and paraphrases, with the output layer on few positions only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.core.errors import UsageError
from trainers.choices import PoolAt, Pooling
from trainers.collator import MicroBatch
from trainers.outputs import Outputs, shift_left, upcast
from trainers.pooling import pool


class PairForward:
    """Runs micro-batches through a causal language model.

    A hook before the output layer keeps the states that it would have seen, those of the last
    layer after the final norm, and lets only the positions through whose next token is of
    interest. The model itself is called as a whole, so that wrappers of data parallelism see it.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        pooling: Pooling,
        pool_at: PoolAt,
        predicts_prompt: bool,
        layer: int | None = None,
    ) -> None:
        """Hook the model's output layer.

        Args:
            model: the language model, without wrappers.
            pooling: how states become one.
            pool_at: whether the response's tokens are pooled too.
            predicts_prompt: whether logits at tokens of instruction and input are needed, too.
            layer: whose output is pooled, from 1; None for the last one's, after the final norm.

        Raises:
            UsageError: the model has no output layer.
        """
        head = model.get_output_embeddings()
        if not isinstance(head, nn.Module):
            raise UsageError(f"{type(model).__name__} has no output layer to train against.")
        self._pooling, self._pool_at, self._predicts_prompt = pooling, pool_at, predicts_prompt
        self._layer = layer
        self._positions = _accepts(model, "position_ids")
        self._wanted: Tensor | None = None
        self._states: Tensor | None = None
        head.register_forward_pre_hook(self._select)

    def __call__(self, model: Callable[..., Any], batch: MicroBatch) -> Outputs:
        """The outputs of a micro-batch by the hooked model, wrapped or with other weights."""
        response = self._response(batch)  # [2n, length]
        wanted = response | shift_left(batch["content"]) if self._predicts_prompt else response
        layers = {"output_hidden_states": True} if self._needs_layers else {}
        self._wanted = wanted
        try:
            out = model(**self._inputs(batch), **layers, use_cache=False)
            states = self._states
        finally:
            self._wanted = self._states = None
        if states is None:
            raise UsageError("the model did not run its output layer, so its states are unknown.")
        rows = torch.arange(wanted.shape[0], device=wanted.device).unsqueeze(1)
        return Outputs(
            states=self._pool(states, batch, out),  # [2n, width]
            logits=out.logits.reshape(-1, out.logits.shape[-1]),  # [positions, vocabulary]
            targets=self._targets(batch)[wanted],  # [positions]
            rows=rows.expand_as(wanted)[wanted],  # [positions]
            in_response=response[wanted],  # [positions]
        )

    def _select(self, head: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if self._wanted is None:
            return None  # a forward that is not ours, as in generation
        self._states = inputs[0]  # [2n, length, width]
        return (inputs[0][self._wanted].unsqueeze(0), *inputs[1:])  # [1, positions, width]

    def _inputs(self, batch: MicroBatch) -> dict[str, object]:
        """What the model is called with."""
        inputs: dict[str, object] = {
            "input_ids": batch["input_ids"],
            "attention_mask": batch["attention_mask"],
        }
        if self._positions:
            # Learned positions would otherwise be counted from the padding on.
            inputs["position_ids"] = batch["position_ids"]
        return inputs

    def _response(self, batch: MicroBatch) -> Tensor:
        """[2n, length], True where the next token is one of the response."""
        return shift_left(batch["response"])

    def _targets(self, batch: MicroBatch) -> Tensor:
        """[2n, length], the token that follows each."""
        return batch["input_ids"].roll(-1, 1)

    def _pool(self, states: Tensor, batch: MicroBatch, out: Mapping[str, Any]) -> Tensor:
        """[2n, width], one state per text."""
        mask = batch["prompt"]  # [2n, length]
        if self._pool_at == "sequence-end":
            mask = mask | batch["response"]
        first = None
        if self._needs_layers:
            layers = out["hidden_states"]
            first = upcast(layers[1])
            states = states if self._layer is None else layers[self._layer]
        return pool(upcast(states), mask, self._pooling, first=first)

    @property
    def _needs_layers(self) -> bool:
        return self._pooling == "first_last" or self._layer is not None


def _accepts(model: PreTrainedModel, argument: str) -> bool:
    get_base = getattr(model, "get_base_model", None)  # of a PEFT model
    base = get_base() if callable(get_base) else model
    return argument in inspect.signature(base.forward).parameters
