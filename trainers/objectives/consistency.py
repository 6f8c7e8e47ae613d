"""Divergence of answer distributions, after prompt perturbation consistency learning."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trainers.objectives.generation import widen


def divergence_loss(original: Tensor, paraphrase: Tensor, *, tokens: int | None = None) -> Tensor:
    """Mean Jensen-Shannon divergence, in nats, of the distributions under two wordings.

    JS(P, Q) = 1/2 KL(P | M) + 1/2 KL(Q | M) with M = (P + Q) / 2, over the target's tokens, each
    given the target so far; the regulariser of PPCL (arXiv 2402.15833).

    Args:
        original: [tokens, vocabulary], logits of the target's positions under the original
        paraphrase: [tokens, vocabulary], the same positions under the paraphrase
        tokens: what the sum is divided by, where these are a part of a batch
    """
    log_p = torch.log_softmax(widen(original), dim=-1)  # [tokens, vocabulary]
    log_q = torch.log_softmax(widen(paraphrase), dim=-1)  # [tokens, vocabulary]
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)  # [tokens, vocabulary]
    to_p = (log_p.exp() * (log_p - log_m)).sum(-1)  # [tokens]
    to_q = (log_q.exp() * (log_q - log_m)).sum(-1)  # [tokens]
    return (to_p + to_q).sum() / 2 / (tokens or max(1, original.shape[0]))
