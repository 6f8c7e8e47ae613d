"""Instruction modelling (arXiv 2405.14394): the prompt's own words are predicted, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from trainers.objectives.generation import generation_loss, token_nll
from trainers.outputs import Outputs, Totals

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def modelling_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `modelling` of a micro-batch: the loss over instruction, input and response.

    The layout's own tokens (answer cue, chat markers) are masked. Use it with long instructions
    and short targets, or with few examples, where the paper found it to help.
    """
    original = outputs.rows < outputs.pairs  # [positions]
    nll = token_nll(outputs.logits, outputs.targets)  # [positions]
    return generation_loss(
        nll[original],
        nll[~original],
        original_tokens=totals.original_content,
        paraphrase_tokens=totals.paraphrase_content,
    )
