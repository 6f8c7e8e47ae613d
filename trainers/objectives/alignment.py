"""States of unsure variants drawn to those of the sure majority, after Flip-Flop Consistency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from trainers.objectives.consensus import find_consensus
from trainers.outputs import Outputs, Totals, answer_logits, by_row, upcast

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def alignment_loss(
    states: Tensor, logits: Tensor, *, strict: bool, entries: int | None = None
) -> Tensor:
    """1 - cosine between the other variants' states and the mean state of the sure majority.

    Sure are the voters of the consensus that are at least as confident as they are on average;
    no gradient flows through their mean. Use it beside `majority`, as the paper does.

    Args:
        states: [variants, entries, width], pooled states.
        logits: [variants, entries, answers].
        strict: see `find_consensus`.
        entries: what the sum is divided by, where these are a part of a batch.

    Returns:
        A scalar in [0, 2].

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[0.0, 2.0]], [[1.0, 0.0]]])  # the first variant is surer
        >>> states = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # at a right angle
        >>> alignment_loss(states, logits, strict=False).item()
        1.0
    """
    found = find_consensus(logits, strict=strict)
    voters = found.majority.to(found.confidence.dtype)  # [variants, entries]
    average = (found.confidence * voters).sum(0) / voters.sum(0)  # [entries]
    # Equal confidences must all count as sure, whatever the last bit of their mean is.
    sure = found.majority & (found.confidence >= average - 1e-7)  # [variants, entries]
    unit = F.normalize(upcast(states), dim=-1)  # [variants, entries, width]
    weights = sure.to(unit.dtype) / sure.sum(0)  # [variants, entries]
    teacher = (unit * weights.unsqueeze(-1)).sum(0).detach()  # [entries, width]
    distance = 1 - F.cosine_similarity(unit, teacher.unsqueeze(0), dim=-1)  # [variants, entries]
    students = (~sure).to(unit.dtype)  # [variants, entries]
    mean = (distance * students).sum(0) / students.sum(0).clamp(min=1)  # [entries]
    return (mean * found.decided).sum() / (entries or mean.numel())


def alignment_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `alignment` of a micro-batch."""
    states = by_row(outputs.states, options.instructions)  # [instructions, rows, width]
    logits = answer_logits(outputs, options.instructions)  # [instructions, rows, vocabulary]
    strict, entries = options.strict_majority, totals.rows
    return alignment_loss(states, logits, strict=strict, entries=entries)
