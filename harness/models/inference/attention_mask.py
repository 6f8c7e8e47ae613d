"""Visibility: which tokens of a batch may look at which, as the mask of its attention."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.models.inference.packing import Layout


def is_causal(layout: Layout, prefixes: tuple[int, ...], window: int | None) -> bool:
    """Whether each row sees its own tokens up to the query, and nothing else."""
    return not any(prefixes) and layout.ends is None and not _cuts(window, layout, prefixes)


def additive_mask(
    layout: Layout, prefixes: tuple[int, ...], window: int | None, dtype: torch.dtype
) -> Tensor:
    """(B or 1, 1, L, P + L) 0 where a query sees a key, else minus infinity.

    Padding queries see themselves, so that no row of the softmax is empty; padding keys are seen
    by padding only.

    Args:
        layout: the batch's B rows, the longest of L tokens.
        prefixes: lengths of the prefixes that the rows follow, the longest P.
        window: how many positions, its own among them, a query sees; None for all.
        dtype: that of the queries.
    """
    before = _sees_prefix(layout, prefixes)
    own = _sees_own(layout)
    rows = max(len(before), len(own))
    before = before[:, None].expand(rows, layout.longest, -1)
    visible = torch.cat([before, own.expand(rows, -1, -1)], dim=2)
    if window is not None and _cuts(window, layout, prefixes):
        visible = visible & _is_near(layout, max(prefixes), window)
    mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return mask.masked_fill_(~visible, -torch.inf)[:, None]


def _cuts(window: int | None, layout: Layout, prefixes: tuple[int, ...]) -> bool:
    """Whether a window hides anything in rows of this length."""
    return window is not None and max(prefixes) + layout.longest > window


def _sees_prefix(layout: Layout, prefixes: tuple[int, ...]) -> Tensor:
    """(B or 1, P) whether a row's queries see a place of its padded prefix."""
    device = layout.tokens.device
    places = torch.arange(max(prefixes), device=device)[None]
    if len(set(prefixes)) == 1:
        return torch.ones_like(places, dtype=torch.bool)
    return places < torch.tensor(prefixes, device=device)[layout.prefixes, None]


def _sees_own(layout: Layout) -> Tensor:
    """(B or 1, L, L) whether a query sees a token of its row: an ancestor, or itself."""
    places = torch.arange(layout.longest, device=layout.tokens.device)
    up_to_query = (places <= places[:, None])[None]
    if layout.ends is None:
        return up_to_query
    return up_to_query & (places[:, None] < layout.ends[:, None, :])


def _is_near(layout: Layout, longest: int, window: int) -> Tensor:
    """(B, L, P + L) whether a key is among the `window` positions that end at the query."""
    own = layout.pad_positions(0)  # (B, L)
    prefix = torch.arange(longest, device=own.device).expand(layout.rows, -1)
    return own[:, :, None] - torch.cat([prefix, own], dim=1)[:, None, :] < window
