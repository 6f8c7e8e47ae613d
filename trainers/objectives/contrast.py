"""The contrastive part of CoIN (arXiv 2402.11138): an entry's two texts close, others apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.outputs import BatchStates

if TYPE_CHECKING:
    from trainers.loss import LossOptions


def contrast_loss(original: Tensor, paraphrase: Tensor, *, temperature: float) -> Tensor:
    """Symmetric InfoNCE: S_ij = cos(o_i, p_j) / temperature, the diagonal is the match.

    L = 1/2 [ mean_i CE(S_i., i) + mean_j CE(S_.j, j) ]

    Use it where states of the same request should not depend on how it is phrased; the other
    entries are the negatives, and so its scale grows with log(entries).

    Args:
        original: [entries, width], pooled states of originals.
        paraphrase: [entries, width], pooled states of paraphrases, in the same order.
        temperature: the smaller, the more the nearest negatives count.

    Returns:
        A scalar, in nats; 0 for a single entry, which has no negative.

    Example:
        >>> states = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> round(contrast_loss(states, states, temperature=1.0).item(), 4)
        0.3133
        >>> round(contrast_loss(states, states.flip(0), temperature=1.0).item(), 4)
        1.3133
    """
    o = F.normalize(original, dim=-1)  # [entries, width]
    p = F.normalize(paraphrase, dim=-1)  # [entries, width]
    similarity = o @ p.T / temperature  # [entries, entries]
    match = torch.arange(similarity.shape[0], device=similarity.device)  # [entries]
    return (F.cross_entropy(similarity, match) + F.cross_entropy(similarity.T, match)) / 2


def contrast_over_batch(batch: BatchStates, options: LossOptions) -> Tensor:
    """The term `contrast` of a batch."""
    return contrast_loss(batch.original, batch.paraphrase, temperature=options.temperature)


def contrast_weight(language: Tensor, contrast: Tensor, *, limit: float) -> Tensor:
    """w = min(limit, stopgrad(L_gen / L_con)), as the authors' released code weighs L_con.

    The weighted term is then as large as L_gen, whatever L_con is, until L_con falls below
    L_gen / limit: `limit` is an upper bound that binds only late in training.

    Args:
        language: a scalar, L_gen.
        contrast: a scalar, L_con.
        limit: lambda, 1000 in the reference.

    Returns:
        A scalar without gradient.

    Example:
        >>> contrast_weight(torch.tensor(3.0), torch.tensor(1.5), limit=1000.0).item()
        2.0
        >>> contrast_weight(torch.tensor(3.0), torch.tensor(0.0), limit=1000.0).item()
        1000.0
    """
    ratio = language.detach() / contrast.detach()
    # Without negatives L_con is 0 and the ratio infinite or undefined; the bound holds there too.
    return torch.nan_to_num(ratio, nan=limit, posinf=limit).clamp(max=limit)
