"""Decoding attention: one new token per row, which looks at all tokens of its row before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.models.inference.attention import (
    AttentionOptions,
    KeysValues,
    Prefixes,
    scaled_attention,
)
from harness.models.inference.packing import Layout

_NOWHERE: Final = 2**40
"""Position of a padding key: later than any query's, so that none looks at it."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a forward over B rows leaves behind for the tokens that follow."""

    layers: dict[int, KeysValues]
    """(B, heads, S, D) each."""
    positions: Tensor
    """(B, S) distance of each key from its prompt's beginning."""

    @classmethod
    def of(cls, layout: Layout, prefixes: Prefixes | None, kept: dict[int, KeysValues]) -> Past:
        """What a `RowAttention` of this layout has kept."""
        own = layout.pad_positions(_NOWHERE)  # (B, L)
        if prefixes is None:
            return cls(kept, own)
        lengths = torch.tensor(prefixes.lengths, device=own.device)[layout.prefixes]  # (B)
        before = torch.arange(prefixes.longest, device=own.device).expand(len(own), -1)
        before = before.masked_fill(before >= lengths[:, None], _NOWHERE)
        return cls(kept, torch.cat([before, own], dim=1))


@dataclass(slots=True)
class StepAttention:
    """Keys and values of B rows, with room for the tokens that are generated.

    Of the S places of a row, the first `filled` are in use; a step writes the next one.
    """

    layers: dict[int, KeysValues]
    """(B, heads, S, D) each."""
    positions: Tensor
    """(B, S) distance of each key from its prompt's beginning."""
    filled: int

    @classmethod
    def after(cls, pasts: Sequence[Past], room: int) -> StepAttention:
        """Goes on from all rows of the pasts, each with `room` for new tokens.

        The pasts' layers are taken out of them, so that none is held twice.
        """
        filled = max(past.positions.shape[1] for past in pasts)
        free = [filled + room - past.positions.shape[1] for past in pasts]
        positions = [
            F.pad(past.positions, (0, count), value=_NOWHERE)
            for past, count in zip(pasts, free, strict=True)
        ]
        layers: dict[int, KeysValues] = {}
        for layer in list(pasts[0].layers):
            keys, values = zip(*(past.layers.pop(layer) for past in pasts), strict=True)
            layers[layer] = _join(keys, filled, room), _join(values, filled, room)
        return cls(layers, torch.cat(positions), filled)

    def begin(self, positions: Tensor) -> None:
        """Opens a step: row b's new token stands at `positions[b]`."""
        self.positions[:, self.filled] = positions
        self.filled += 1

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        """(1, heads, B, D) of one token per row -> (1, B, heads, D)."""
        keys, values = self.layers[layer]
        keys[:, :, self.filled - 1] = key[0].transpose(0, 1)
        values[:, :, self.filled - 1] = value[0].transpose(0, 1)
        rows, heads, size = query.shape[2], query.shape[1], query.shape[3]
        # The heads that share keys stand where a longer query has its tokens: nothing is repeated.
        grouped = query[0].transpose(0, 1).reshape(rows, keys.shape[1], -1, size)
        seen_keys, seen_values = keys[:, :, : self.filled], values[:, :, : self.filled]
        output = scaled_attention(
            grouped, seen_keys, seen_values, self._mask(options.window, query.dtype), options
        )
        return output.reshape(1, rows, heads, -1)

    def keep_rows(self, rows: Tensor) -> None:
        """Lets all other rows leave."""
        self.positions = self.positions.index_select(0, rows)
        for layer, (keys, values) in self.layers.items():
            self.layers[layer] = (keys.index_select(0, rows), values.index_select(0, rows))

    def _mask(self, window: int | None, dtype: torch.dtype) -> Tensor:
        """(B, 1, 1, filled) additive mask."""
        keys = self.positions[:, : self.filled]
        distance = keys[:, -1:] - keys
        hidden = distance < 0
        if window is not None:
            hidden = hidden | (distance >= window)
        mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
        return mask.masked_fill_(hidden, -torch.inf)[:, None, None]


def _join(parts: Sequence[Tensor], filled: int, room: int) -> Tensor:
    """(B, heads, S, D) parts one below the other, with `filled` places and `room` for more."""
    _, heads, _, size = parts[0].shape
    joined = parts[0].new_empty(sum(map(len, parts)), heads, filled + room, size)
    start = 0
    for part in parts:
        rows, places = joined[start : start + len(part)], part.shape[2]
        rows[:, :, :places] = part
        rows[:, :, places:filled] = 0  # hidden by the mask, but zero times a stray NaN is NaN
        start += len(part)
    return joined
