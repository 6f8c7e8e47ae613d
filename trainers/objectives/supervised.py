"""Supervised contrast: texts that ask for the same and have the same answer close, others apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.outputs import BatchStates

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def supervised_loss(states: Tensor, classes: Tensor, *, temperature: float) -> Tensor:
    """L_out of supervised contrastive learning (arXiv 2004.11362, equation 2), mean over anchors.

    L = mean_i -1/|P(i)| sum_{p in P(i)} log( exp(z_i z_p / T) / sum_{a != i} exp(z_i z_a / T) )

    with unit vectors z, and P(i) the other texts of i's class: of the same request and the same
    answer, under whatever instruction and about whatever input. So two rows that are answered alike
    are no negatives of each other, as they are in `contrast`; the same input under another request,
    with another answer, is one. The mean lies outside of the logarithm, which the paper found to
    be the better of two.

    Args:
        states: [texts, width].
        classes: [texts], equal numbers for texts of one class.
        temperature: the smaller, the more the nearest negatives count.

    Returns:
        A scalar, in nats, at least the mean of log |P(i)|. A text that is alone in its class has no
        positive and counts 0.

    Example:
        >>> states = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> classes = torch.tensor([0, 0, 1, 1])
        >>> round(supervised_loss(states, classes, temperature=1.0).item(), 4)  # log(e + 2) - 1
        0.5514
    """
    unit = F.normalize(states, dim=-1)  # [texts, width]
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)  # [texts, texts]
    similarity = (unit @ unit.T / temperature).masked_fill(itself, float("-inf"))  # [texts, texts]
    log_share = torch.log_softmax(similarity, dim=1)  # [texts, texts]
    positive = (classes.unsqueeze(0) == classes.unsqueeze(1)) & ~itself  # [texts, texts]
    total = log_share.masked_fill(~positive, 0).sum(1)  # [texts]
    return -(total / positive.sum(1).clamp(min=1)).mean()


def supervised_over_batch(batch: BatchStates, options: LossOptions) -> Tensor:
    """The term `supervised` of a batch."""
    states = torch.cat([batch.original, batch.paraphrase])  # [2 x entries, width]
    return supervised_loss(states, batch.classes.repeat(2), temperature=options.temperature)
