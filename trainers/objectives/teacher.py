"""Agreement of a row's instructions with a slower self, after Mean Teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainers.outputs import Outputs, Totals, align_responses, upcast

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def teacher_loss(student: Tensor, teacher: Tensor, *, tokens: int | None = None) -> Tensor:
    """KL divergence from what a teacher answers on average to what each instruction is answered.

    L = mean over tokens t and instructions e of KL( q_t | p_et ), q_t = mean_e' of the teacher's

    The teacher is the moving average of the student's weights (Mean Teacher, arXiv 1703.01780,
    where the two see an input under two noises; here they see a row under all of its instructions).
    Its mean over instructions is less wrong than any one of them, as an ensemble's is, and all
    instructions are drawn to it; no gradient flows through it. That the teacher is slow keeps the
    instructions from agreeing on whatever one step makes of them.

    Use it beside `generation`, with four to eight instructions a row, far from each other.

    Args:
        student: [instructions, tokens, vocabulary], logits of the target's tokens.
        teacher: the same, from the teacher.
        tokens: what the sum is divided by, where these are a part of a batch.

    Returns:
        A scalar, in nats; 0 where all answers are the teacher's mean.

    Example:
        >>> logits = torch.tensor([[[0.5, 0.5]], [[0.5, 0.5]]]).log()
        >>> other = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]).log()  # on average the same
        >>> teacher_loss(logits, other).item()
        0.0
    """
    target = torch.softmax(upcast(teacher), dim=-1).mean(0).detach()  # [tokens, vocabulary]
    entropy = -torch.xlogy(target, target).sum(-1)  # [tokens]
    log_p = torch.log_softmax(upcast(student), dim=-1)  # [instructions, tokens, vocabulary]
    cross = -(target * log_p).sum(-1)  # [instructions, tokens]
    return (cross - entropy).mean(0).sum() / (tokens or max(1, student.shape[1]))


def teacher_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `teacher` of a micro-batch.

    Raises:
        ValueError: the outputs come without the teacher's.
    """
    if outputs.teacher is None:
        raise ValueError("the term teacher needs a teacher's logits.")
    places = align_responses(outputs, options.instructions)  # [instructions, tokens]
    return teacher_loss(outputs.logits[places], outputs.teacher[places], tokens=totals.row_aligned)
