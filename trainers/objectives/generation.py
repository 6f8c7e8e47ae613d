"""Cross-entropy of the target: what both originals and paraphrases must still be answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from trainers.outputs import Outputs, Totals, upcast

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def token_nll(logits: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of each target token, in nats, in float32 or better.

    Args:
        logits: [tokens, vocabulary].
        targets: [tokens], token ids.

    Returns:
        [tokens], each -log softmax(logits)[target].

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
        >>> [round(nll, 3) for nll in token_nll(logits, torch.tensor([0, 1])).tolist()]
        [0.693, 0.288]
    """
    return F.cross_entropy(upcast(logits), targets, reduction="none")  # [tokens]


def generation_loss(
    original_nll: Tensor,
    paraphrase_nll: Tensor,
    *,
    original_tokens: int | None = None,
    paraphrase_tokens: int | None = None,
) -> Tensor:
    """CE(y|o) + CE(y|p): a sum, not a mean, of two means over tokens (CoIN, arXiv 2402.11138).

    Use it over response tokens to tune on originals and paraphrases alike (`sft`, and the language
    part of `coin`); over tokens of instruction, input and response it is instruction modelling.

    Args:
        original_nll: [tokens of originals], from `token_nll`.
        paraphrase_nll: [tokens of paraphrases].
        original_tokens: what the first sum is divided by, where these are a part of a batch.
        paraphrase_tokens: the same for the second sum.

    Returns:
        A scalar, in nats.

    Example:
        >>> import torch
        >>> generation_loss(torch.tensor([1.0, 2.0]), torch.tensor([4.0])).item()
        5.5
    """
    original = original_nll.sum() / (original_tokens or original_nll.numel())
    paraphrase = paraphrase_nll.sum() / (paraphrase_tokens or paraphrase_nll.numel())
    return original + paraphrase


def generation_share(outputs: Outputs, totals: Totals, options: LossOptions) -> Tensor:
    """The term `generation` of a micro-batch: the loss over response tokens."""
    response = outputs.in_response  # [positions]
    original = outputs.rows < outputs.pairs  # [positions]
    logits, targets = outputs.logits, outputs.targets
    own, other = original & response, ~original & response  # [positions]
    return generation_loss(
        token_nll(logits[own], targets[own]),
        token_nll(logits[other], targets[other]),
        original_tokens=totals.original,
        paraphrase_tokens=totals.paraphrase,
    )
