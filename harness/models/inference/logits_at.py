"""Readout: logits of chosen positions only, whatever a model does to its logits afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from torch import Tensor, nn
from transformers import PreTrainedModel


@contextmanager
def logits_at(model: PreTrainedModel, positions: Tensor) -> Iterator[None]:
    """Makes the output layer see the (N) flattened `positions` only: logits are (1, N, V).

    The layer's input is cut, not the model's output, so that scaling and soft-capping of logits
    stay the model's own.
    """

    def cut(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        chosen = positions.to(hidden.device)  # another than the input's where layers are split
        return (hidden.reshape(-1, hidden.shape[-1]).index_select(0, chosen)[None],)

    handle = _output_layer(model).register_forward_pre_hook(cut)
    try:
        yield
    finally:
        handle.remove()


def vocabulary_size(model: PreTrainedModel) -> int:
    """How many logits a position has."""
    weight = _output_layer(model).weight
    return len(cast(Tensor, weight))


def _output_layer(model: PreTrainedModel) -> nn.Module:
    return cast(nn.Module, model.get_output_embeddings())
