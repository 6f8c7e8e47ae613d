"""The parts of a model's layers that are compared: queries and keys of heads, what neurons write.

A layer's own modules are run, so that norms, biases and shared keys are what the model makes of
them. Two ways to lay out a layer are known: projections of their own (Llama, Qwen, Gemma, Mistral
and others) and GPT-2's fused one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from harness.core.errors import UsageError
from harness.models.inference.local import LocalModel
from harness.models.loading.tokenizer import HFTokenizer

_SEPARATE: Final = ("input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "mlp.down_proj")
_FUSED: Final = ("ln_1", "attn.c_attn", "mlp.c_proj")

Read = Callable[[Tensor], Tensor]
"""(words, width) embeddings -> (heads, words, size)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a model."""

    module: nn.Module
    queries: Read
    """What each word asks for in each head."""
    keys: Read
    """What each word offers in each head; heads that share keys have the same."""
    written: Tensor
    """(neurons, width): what each neuron of the feed-forward network adds to a word."""


@dataclass(frozen=True, slots=True)
class ModelLayers:
    """A model with its layers, the first one first."""

    name: str
    network: PreTrainedModel
    tokenizer: HFTokenizer
    layers: list[Layer]


def layers_of(model: LocalModel) -> ModelLayers:
    """The layers of a decoder.

    Raises:
        UsageError: the model is laid out in another way; the message names what is missing.
    """
    network = model.network
    return ModelLayers(model.info.name, network, model.tokenizer, read_layers(network))


def read_layers(model: PreTrainedModel) -> list[Layer]:
    """The layers of a decoder, the first one first.

    Raises:
        UsageError: the model is laid out in another way; the message names what is missing.
    """
    base = model.base_model
    blocks = getattr(base, "layers", None) or getattr(base, "h", None)
    if model.config.is_encoder_decoder or not isinstance(blocks, nn.ModuleList):
        raise _lacks(model, "list of a decoder's layers")
    return [_read_layer(model, block) for block in blocks]


def _read_layer(model: PreTrainedModel, block: nn.Module) -> Layer:
    if isinstance(_part(block, "attn.c_attn"), Conv1D):
        _check_parts(model, block, _FUSED)
        return _fused(block)
    _check_parts(model, block, _SEPARATE)
    return _separate(block)


def _separate(block: Any) -> Layer:
    attention = block.self_attn
    size = int(attention.head_dim)
    heads = attention.q_proj.out_features // size

    def read(side: str, embeddings: Tensor) -> Tensor:
        projected = getattr(attention, f"{side}_proj")(block.input_layernorm(embeddings))
        split = projected.unflatten(-1, (-1, size))
        norm = getattr(attention, f"{side}_norm", None)
        split = split if norm is None else norm(split)
        return cast(Tensor, split.repeat_interleave(heads // split.shape[1], dim=1).transpose(0, 1))

    return Layer(block, partial(read, "q"), partial(read, "k"), block.mlp.down_proj.weight.T)


def _fused(block: Any) -> Layer:
    heads = int(block.attn.num_heads)

    def read(place: int, embeddings: Tensor) -> Tensor:
        side = block.attn.c_attn(block.ln_1(embeddings)).chunk(3, dim=-1)[place]
        return cast(Tensor, side.unflatten(-1, (heads, -1)).transpose(0, 1))

    # GPT-2's projections are stored the other way round.
    return Layer(block, partial(read, 0), partial(read, 1), block.mlp.c_proj.weight)


def _check_parts(model: PreTrainedModel, block: nn.Module, names: tuple[str, ...]) -> None:
    missing = [name for name in names if _part(block, name) is None]
    if missing:
        raise _lacks(model, missing[0])


def _part(block: nn.Module, name: str) -> object | None:
    found: object | None = block
    for step in name.split("."):
        found = getattr(found, step, None)
    return found


def _lacks(model: PreTrainedModel, what: str) -> UsageError:
    return UsageError(
        f"--layers cannot read the layers of a {model.config.model_type} model: it has no {what}.",
        hint="Leave out --layers.",
    )
