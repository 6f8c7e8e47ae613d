"""Divergence of answer distributions, after prompt perturbation consistency learning (PPCL)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainers.outputs import Outputs, Totals, align_responses, upcast

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def divergence_loss(original: Tensor, paraphrase: Tensor, *, tokens: int | None = None) -> Tensor:
    """Mean Jensen-Shannon divergence, in nats, of the distributions under original and paraphrase.

    JS(P, Q) = 1/2 KL(P | M) + 1/2 KL(Q | M) with M = (P + Q) / 2, over the target's tokens, each
    given the target so far; the regulariser of PPCL (arXiv 2402.15833). Use it beside `generation`
    where answers should be the same, not only right.

    Args:
        original: [tokens, vocabulary], logits of the target's positions under the original.
        paraphrase: [tokens, vocabulary], the same positions under the paraphrase.
        tokens: what the sum is divided by, where these are a part of a batch.

    Returns:
        A scalar between 0 (equal distributions) and log 2 (disjoint ones).

    Example:
        >>> sure = torch.tensor([[30.0, 0.0]])
        >>> round(divergence_loss(sure, sure.flip(1)).item(), 4)
        0.6931
        >>> divergence_loss(sure, sure).item()
        0.0
    """
    log_p = torch.log_softmax(upcast(original), dim=-1)  # [tokens, vocabulary]
    log_q = torch.log_softmax(upcast(paraphrase), dim=-1)  # [tokens, vocabulary]
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)  # [tokens, vocabulary]
    to_p = (log_p.exp() * (log_p - log_m)).sum(-1)  # [tokens]
    to_q = (log_q.exp() * (log_q - log_m)).sum(-1)  # [tokens]
    return (to_p + to_q).sum() / 2 / (tokens or max(1, original.shape[0]))


def divergence_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `divergence` of a micro-batch."""
    original, paraphrase = align_responses(outputs)
    logits = outputs.logits
    return divergence_loss(logits[original], logits[paraphrase], tokens=totals.aligned)
