"""Invariance of a row's states to its instruction, kept from collapse, after VICReg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.outputs import BatchStates

if TYPE_CHECKING:
    from trainers.loss import LossOptions

INVARIANCE: Final = 25.0
VARIANCE: Final = 25.0
COVARIANCE: Final = 1.0
"""What the three parts are multiplied by in the paper (section 4.2)."""
_FLOOR: Final = 1e-4
"""Added to a variance: the root's slope has no bound at 0."""


def invariance_loss(original: Tensor, paraphrase: Tensor) -> Tensor:
    """VICReg (arXiv 2105.04906) between two instructions of the same rows.

    L = 25 s(O, P) + 25 [v(O) + v(P)] / 2 + c(O) + c(P)

    s: mean square of O - P over rows and dimensions, which draws a row's two states together.
    v: mean over dimensions of max(0, 1 - sqrt(Var + 0.0001)), which keeps each dimension's standard
       deviation over the rows from falling below 1.
    c: sum of squares of the covariances of different dimensions, divided by their number, which
       keeps dimensions from saying the same.

    Variance and covariance are over the rows, with n - 1. The weights are the paper's. Its
    equations add up squares over dimensions and have no halves before v; both are as VICReg is
    commonly implemented, with these weights. Unlike the contrasts it has no negatives: rows with
    equal answers may be as near as they like, as long as not all are.

    Args:
        original: [rows, width], states of the rows under one instruction each; at least two rows.
        paraphrase: [rows, width], of the same rows under another one.

    Returns:
        A scalar, without unit.

    Example:
        >>> states = torch.tensor([[0.0, 0.0], [4.0, 4.0]])  # variances and covariance 8
        >>> invariance_loss(states, states).item()  # c alone: twice (8^2 + 8^2) / 2
        128.0
    """
    apart = F.mse_loss(original, paraphrase)
    sides = (original, paraphrase)
    flat = sum((_lack_of_variance(side) for side in sides), original.new_zeros(())) / 2
    tied = sum((_covariance(side) for side in sides), original.new_zeros(()))
    return INVARIANCE * apart + VARIANCE * flat + COVARIANCE * tied


def invariance_over_batch(batch: BatchStates, options: LossOptions) -> Tensor:
    """The term `invariance` of a batch."""
    return invariance_loss(batch.original, batch.paraphrase)


def _lack_of_variance(states: Tensor) -> Tensor:
    deviation = (states.var(0) + _FLOOR).sqrt()  # [width]
    return F.relu(1 - deviation).mean()


def _covariance(states: Tensor) -> Tensor:
    covariance = torch.cov(states.T)  # [width, width]
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return off_diagonal / states.shape[1]
