"""What variants of an instruction agree on, after Flip-Flop Consistency (arXiv 2510.14242).

The answer is the first token of the response, which is where verbalizers part. The answer that
most variants give is the consensus; `majority` and `alignment` are the terms made of it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from trainers.outputs import upcast


class Consensus(NamedTuple):
    """What the variants of each entry agree on."""

    answer: Tensor
    """[entries], the index of the answer."""
    decided: Tensor
    """[entries], whether there is a consensus."""
    majority: Tensor
    """[variants, entries], which variants give that answer."""
    confidence: Tensor
    """[variants, entries], the probability of each variant's own answer."""


def find_consensus(logits: Tensor, *, strict: bool) -> Consensus:
    """The answer with most votes; among equals the one whose voters are surer in sum.

    Args:
        logits: [variants, entries, answers].
        strict: whether more than half of the variants must give it, as in the paper. Two variants
            that differ are then undecided; otherwise the surer one decides.

    Returns:
        The consensus, without gradient.

    Example:
        >>> logits = torch.tensor([[[0.0, 2.0]], [[1.0, 0.0]]])  # two variants of one entry
        >>> find_consensus(logits, strict=False).answer.tolist()
        [1]
        >>> find_consensus(logits, strict=True).decided.tolist()
        [False]
    """
    probabilities = torch.softmax(upcast(logits.detach()), dim=-1)  # [variants, entries, answers]
    confidence, votes = probabilities.max(dim=-1)  # [variants, entries] both
    alike = votes.unsqueeze(0) == votes.unsqueeze(1)  # [variants, variants, entries]
    count = alike.sum(0)  # [variants, entries]
    support = (alike * confidence.unsqueeze(1)).sum(0)  # [variants, entries]
    variants = votes.shape[0]
    winner = (count + support / (variants + 1)).argmax(0, keepdim=True)  # [1, entries]
    answer = votes.gather(0, winner).squeeze(0)  # [entries]
    most = count.gather(0, winner).squeeze(0)  # [entries]
    decided = 2 * most > variants if strict else torch.ones_like(most, dtype=torch.bool)
    return Consensus(answer, decided, votes == answer, confidence)
