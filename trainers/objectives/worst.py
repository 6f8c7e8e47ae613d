"""Risk under the worst instruction of a row, after group distributionally robust optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from trainers.objectives.risk import text_risks
from trainers.outputs import Outputs, Totals

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def worst_loss(risks: Tensor, *, entries: int | None = None) -> Tensor:
    """Mean over rows of the largest risk that they have under any of their instructions, in nats.

    L = mean_x max_e R_e(x): the worst group of group DRO (Sagawa et al. 2020, arXiv 1911.08731,
    equation 4), where the groups are the instructions of one row. The paper's groups are fixed
    parts of the data, and a running distribution over them stands for the maximum. The largest of
    two or eight risks of one row is known exactly, so that nothing has to be kept between steps.

    It teaches the target as `generation` does, and takes all of its gradient from the instruction
    that is answered worst. Use it in place of that term, or beside it.

    Args:
        risks: [instructions, entries], risk of each entry under each instruction.
        entries: what the sum is divided by, where these are a part of a batch.

    Returns:
        A scalar, at least the mean risk and equal to it where no risk depends on the instruction.

    Example:
        >>> import torch
        >>> worst_loss(torch.tensor([[1.0, 2.0], [3.0, 2.0]])).item()  # (3 + 2) / 2
        2.5
    """
    return risks.amax(0).sum() / (entries or risks.shape[1])


def worst_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `worst` of a micro-batch."""
    return worst_loss(text_risks(outputs, options.instructions), entries=totals.rows)
