"""Attention of packed rows to their own tokens and to a prefix that is kept once for all of them.

It takes the place of a transformers attention function: the model computes its layers over packed
tokens as it always does, and calls `packed_attention` where tokens meet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.models.inference.attention_mask import additive_mask, is_causal
from harness.models.inference.packing import Layout

IMPLEMENTATION: Final = "robustness_harness_packed"
"""The name under which transformers knows `packed_attention`."""

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of one layer, (rows, heads, tokens, head size) each."""


@dataclass(frozen=True, slots=True)
class AttentionOptions:
    """What a layer wants of its attention beside the usual."""

    scaling: float | None
    softcap: float | None
    window: int | None


class PackedAttention(Protocol):
    """Where the tokens of one forward are, and which others they may look at."""

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        """(1, heads, T, D) packed query, key and value -> (1, T, heads, D)."""
        ...


def register() -> None:
    """Makes `packed_attention` known to transformers under `IMPLEMENTATION`."""
    from transformers import AttentionInterface

    AttentionInterface.register(IMPLEMENTATION, packed_attention)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packed: PackedAttention,
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    **_unused: object,
) -> tuple[Tensor, None]:
    """What transformers calls in each layer: (1, T, heads, D) attention output, no weights."""
    layer: int = module.layer_idx  # type: ignore[assignment]
    options = AttentionOptions(scaling, softcap, sliding_window)
    return packed.attend(layer, query, key, value, options), None


@dataclass(slots=True)
class Prefixes:
    """Keys and values of G prefixes, padded at the right to the longest."""

    lengths: tuple[int, ...]
    layers: dict[int, KeysValues] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        """The padded length."""
        return max(self.lengths)


@dataclass(slots=True)
class RowAttention:
    """Attention of each row to its prefix and to its own ancestors.

    Where `keep` is given, all keys and values that the rows look at are left there.
    """

    layout: Layout
    prefixes: Prefixes | None = None
    keep: dict[int, KeysValues] | None = None
    windows: dict[int, int | None] = field(default_factory=dict)
    """The sliding window that each layer asked for, filled as they do."""
    _masks: dict[tuple[int | None, bool, int], Tensor | None] = field(default_factory=dict)

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        """See `PackedAttention`."""
        self.windows[layer] = options.window
        query, key, value = (self.layout.pad(packed) for packed in (query, key, value))
        if self.prefixes is not None:
            keys, values = self.prefixes.layers[layer]
            key, value = self._after(keys, key), self._after(values, value)
        if self.keep is not None:
            self.keep[layer] = (key, value)
        mask = self._mask(options, query.dtype, groups=query.shape[1] // key.shape[1])
        return self.layout.unpad(scaled_attention(query, key, value, mask, options))

    def _after(self, prefix: Tensor, own: Tensor) -> Tensor:
        """(B, H, P + L, D): each row's prefix, then its own."""
        chosen = (
            prefix.expand(len(own), -1, -1, -1)
            if len(prefix) == 1
            else prefix.index_select(0, self.layout.prefixes)
        )
        return torch.cat([chosen, own], dim=2)

    def _mask(self, options: AttentionOptions, dtype: torch.dtype, groups: int) -> Tensor | None:
        """What `scaled_attention` wants; layers of one kind share it."""
        kind = (options.window, options.softcap is None, groups)
        if kind not in self._masks:
            lengths = self.prefixes.lengths if self.prefixes else (0,)
            self._masks[kind] = (
                None
                if options.softcap is None and is_causal(self.layout, lengths, options.window)
                else additive_mask(self.layout, lengths, options.window, dtype).repeat(
                    1, 1, groups, 1
                )
            )
        return self._masks[kind]


def scaled_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
) -> Tensor:
    """(B, H, L, D) attention output; without a mask a query sees the keys up to its own index.

    Heads that share keys are laid along the query's length, where the mask has a copy of itself
    for each (B or 1, 1, groups * L, S): no key is repeated, and the fast kernels, which refuse
    grouped heads beside a mask, still apply.
    """
    rows, heads, length, size = query.shape
    groups = heads // key.shape[1]
    if mask is None:
        return F.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=options.scaling, enable_gqa=groups > 1
        )
    query = query.reshape(rows, heads // groups, groups * length, size)
    if options.softcap is None:
        output = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, scale=options.scaling
        )
    else:
        output = _capped_attention(query, key, value, mask, options.softcap, options.scaling)
    return output.view(rows, heads, length, -1)


def _capped_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, cap: float, scaling: float | None
) -> Tensor:
    """Attention with its logits squeezed into (-cap, cap), as in Gemma 2."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    logits = cap * torch.tanh(query @ key.transpose(2, 3) * (scale / cap)) + mask
    return logits.softmax(dim=-1, dtype=torch.float32).to(value.dtype) @ value
