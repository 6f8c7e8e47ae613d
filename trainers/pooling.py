"""One state for a sequence, whichever side it is padded on."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.choices import Pooling


def pool(states: Tensor, mask: Tensor, method: Pooling, *, first: Tensor | None = None) -> Tensor:
    """One state per text, whichever side it is padded on.

    `last` takes the last marked token (the reference's choice for causal models), `mean` and `max`
    look at marked tokens alone, `first_last` is the mean of the first layer's and the last layer's
    states (as in SimCSE's variant, arXiv 2104.08821).

    Args:
        states: [rows, length, width], the last layer after the final norm.
        mask: [rows, length], True for the tokens to pool; at least one per row.
        method: how.
        first: [rows, length, width], the first layer's output, for `first_last`.

    Returns:
        [rows, width].

    Raises:
        ValueError: `first_last` without `first`.

    Example:
        >>> states = torch.tensor([[[1.0], [3.0], [9.0]]])  # the last token is padding
        >>> mask = torch.tensor([[True, True, False]])
        >>> pool(states, mask, "last").tolist(), pool(states, mask, "mean").tolist()
        ([[3.0]], [[2.0]])
    """
    if method == "last":
        rows = torch.arange(states.shape[0], device=states.device)
        return states[rows, last_marked(mask)]  # [rows, width]
    marked = mask.unsqueeze(-1)  # [rows, length, 1]
    if method == "max":
        return states.masked_fill(~marked, float("-inf")).amax(1)  # [rows, width]
    if method == "first_last":
        if first is None:
            raise ValueError("first_last pooling needs the first layer's states.")
        states = (states + first) / 2  # [rows, length, width]
    total = states.masked_fill(~marked, 0).sum(1)  # [rows, width]
    return total / marked.sum(1)  # [rows, width]


def last_marked(mask: Tensor) -> Tensor:
    """Index of the last True of each row, [rows]. With right padding that is not index -1."""
    length = mask.shape[1]
    return length - 1 - mask.flip(1).int().argmax(1)
