"""Attention of packed rows to their own tokens and to a prefix that is kept once for all of them.

It takes the place of a transformers attention function: the model computes its layers over packed
tokens as it always does, and calls `packed_attention` where tokens meet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from harness.models.packing import Layout

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
    _masks: dict[int | None, Tensor | None] = field(default_factory=dict)

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
        if options.window not in self._masks:
            self._masks[options.window] = self._mask(options.window, query)
        return self.layout.unpad(
            scaled_attention(query, key, value, self._masks[options.window], options)
        )

    def _after(self, prefix: Tensor, own: Tensor) -> Tensor:
        """(B, H, P + L, D): each row's prefix, then its own."""
        chosen = (
            prefix.expand(len(own), -1, -1, -1)
            if len(prefix) == 1
            else prefix.index_select(0, self.layout.prefixes)
        )
        return torch.cat([chosen, own], dim=2)

    def _mask(self, window: int | None, like: Tensor) -> Tensor | None:
        """(B or 1, 1, L, P + L) additive mask; None where plain causality says it all."""
        visible = self._visible(window, like.device)
        if visible is None:
            return None
        mask = torch.zeros(visible.shape, dtype=like.dtype, device=like.device)
        return mask.masked_fill_(~visible, -torch.inf)[:, None]

    def _visible(self, window: int | None, device: torch.device) -> Tensor | None:
        """(B or 1, L, P + L) whether a query sees a key; None for the lower triangle."""
        layout, lengths = self.layout, self.prefixes.lengths if self.prefixes else (0,)
        longest = max(lengths)
        place = torch.arange(layout.longest, device=device)
        own = (place[:, None] >= place)[None]  # (1, L, L)
        if layout.ends is not None:
            own = own & (place[:, None] < layout.ends[:, None, :])  # (B, L, L)
        elif longest == 0 and (window is None or layout.longest <= window):
            return None
        before = torch.arange(longest, device=device)[None]  # (1, P)
        if len(set(lengths)) > 1:
            before = before < torch.tensor(lengths, device=device)[layout.prefixes, None]
        else:
            before = torch.ones_like(before, dtype=torch.bool)
        rows = max(len(own), len(before))
        before = before[:, None].expand(rows, layout.longest, -1)
        visible = torch.cat([before, own.expand(rows, -1, -1)], dim=2)
        if window is None:
            return visible
        return visible & self._near(window, longest, device)

    def _near(self, window: int, longest: int, device: torch.device) -> Tensor:
        """(B, L, P + L) whether a key is among the `window` positions that end at the query."""
        layout = self.layout
        padded = layout.pad_positions(0)  # (B, L)
        prefix = torch.arange(longest, device=device).expand(layout.rows, -1)
        keys = torch.cat([prefix, padded], dim=1)
        return padded[:, :, None] - keys[:, None, :] < window


def scaled_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
) -> Tensor:
    """(B, H, L, D) attention output; without a mask a query sees the keys up to its own index."""
    grouped = query.shape[1] != key.shape[1]
    if options.softcap is None:
        return F.scaled_dot_product_attention(
            query, key, value,
            attn_mask=mask, is_causal=mask is None, scale=options.scaling, enable_gqa=grouped,
        )  # fmt: skip
    if grouped:
        repeats = query.shape[1] // key.shape[1]
        key, value = (t.repeat_interleave(repeats, dim=1) for t in (key, value))
    scale = query.shape[-1] ** -0.5 if options.scaling is None else options.scaling
    logits = options.softcap * torch.tanh(query @ key.transpose(2, 3) * scale / options.softcap)
    if mask is None:
        mask = torch.full_like(logits[:1, :1], -torch.inf).triu(1)
    return (logits + mask).softmax(dim=-1, dtype=torch.float32).to(value.dtype) @ value
