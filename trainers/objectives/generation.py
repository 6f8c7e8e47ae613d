"""Cross-entropy of tokens: what both wordings must still answer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def token_nll(logits: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of each target token, in nats, in float32 or better.

    Args:
        logits: [tokens, vocabulary]
        targets: [tokens], token ids
    """
    return F.cross_entropy(widen(logits), targets, reduction="none")  # [tokens]


def generation_loss(
    original_nll: Tensor,
    paraphrase_nll: Tensor,
    *,
    original_tokens: int | None = None,
    paraphrase_tokens: int | None = None,
) -> Tensor:
    """CE(y|o) + CE(y|p): a sum, not a mean, of two means over tokens (CoIN, arXiv 2402.11138).

    Over response tokens it is the loss of instruction tuning on originals and paraphrases; over
    instruction and response tokens that of instruction modelling (arXiv 2405.14394).

    Args:
        original_nll: [tokens of originals]
        paraphrase_nll: [tokens of paraphrases]
        original_tokens: what the first sum is divided by, where these are a part of a batch.
        paraphrase_tokens: the same for the second sum.
    """
    original = original_nll.sum() / (original_tokens or original_nll.numel())
    paraphrase = paraphrase_nll.sum() / (paraphrase_tokens or paraphrase_nll.numel())
    return original + paraphrase


def widen(values: Tensor) -> Tensor:
    """Half-precision values in float32, wider ones as they are."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
