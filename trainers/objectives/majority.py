"""Training towards the answer that most variants give, after Flip-Flop Consistency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainers.objectives.consensus import find_consensus
from trainers.outputs import Outputs, Totals, answer_logits, upcast

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def majority_loss(logits: Tensor, *, strict: bool, entries: int | None = None) -> Tensor:
    """Cross-entropy of every variant on the consensus answer; an undecided entry counts 0.

    No target is used: it makes answers agree, on whatever most variants say. The consensus
    cross-entropy of Flip-Flop Consistency (arXiv 2510.14242).

    Args:
        logits: [variants, entries, answers].
        strict: see `find_consensus`.
        entries: what the sum is divided by, where these are a part of a batch.

    Returns:
        A scalar, in nats.

    Example:
        >>> logits = torch.tensor([[[0.5, 0.5]], [[0.2, 0.8]]]).log()
        >>> round(majority_loss(logits, strict=False).item(), 3)  # (log 2 - log .8) / 2
        0.458
    """
    found = find_consensus(logits, strict=strict)
    scores = torch.log_softmax(upcast(logits), dim=-1)  # [variants, entries, answers]
    index = found.answer.expand(scores.shape[:2]).unsqueeze(-1)  # [variants, entries, 1]
    nll = -scores.gather(-1, index).squeeze(-1).mean(0)  # [entries]
    return (nll * found.decided).sum() / (entries or nll.numel())


def majority_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `majority` of a micro-batch."""
    logits = answer_logits(outputs, options.instructions)  # [instructions, rows, vocabulary]
    return majority_loss(logits, strict=options.strict_majority, entries=totals.rows)
