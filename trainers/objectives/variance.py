"""Variance of risk over the instructions of a row, after V-REx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from trainers.objectives.risk import text_risks
from trainers.outputs import Outputs, Totals

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def variance_loss(risks: Tensor, *, entries: int | None = None) -> Tensor:
    """Mean over rows of the variance of their risk over instructions, in squared nats.

    V = mean_x Var_e R_e(x), the penalty of V-REx (arXiv 2003.00688, equation 8) taken row by row:
    environments are the instructions of one row. The paper takes the variance of mean risks over
    environments, which is at most this (a mean of differences is never larger in square than the
    mean of their squares), and zero where this is. Row by row it needs no batch in which every
    instruction has many rows, and is the same whatever the micro-batches.

    Use it beside `generation`, where a row should be as easy under every instruction. Alone it is
    least where all answers are equally bad.

    Args:
        risks: [instructions, entries], risk of each entry under each instruction.
        entries: what the sum is divided by, where these are a part of a batch.

    Returns:
        A scalar, 0 where no risk depends on the instruction.

    Example:
        >>> import torch
        >>> variance_loss(torch.tensor([[1.0, 2.0], [3.0, 2.0]])).item()  # (1 + 0) / 2
        0.5
    """
    return risks.var(0, unbiased=False).sum() / (entries or risks.shape[1])


def variance_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `variance` of a micro-batch."""
    return variance_loss(text_risks(outputs, options.instructions), entries=totals.rows)
