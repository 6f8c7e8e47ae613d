"""The contrastive part of CoIN (arXiv 2402.11138): wordings of one entry close, others apart."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def contrast_loss(original: Tensor, paraphrase: Tensor, *, temperature: float) -> Tensor:
    """Symmetric InfoNCE: S_ij = cos(o_i, p_j) / temperature, the diagonal is the match.

    L = 1/2 [ mean_i CE(S_i., i) + mean_j CE(S_.j, j) ]

    Args:
        original: [entries, width], pooled states of originals
        paraphrase: [entries, width], pooled states of paraphrases, in the same order
        temperature: the smaller, the more the nearest negatives count
    """
    o = F.normalize(original, dim=-1)  # [entries, width]
    p = F.normalize(paraphrase, dim=-1)  # [entries, width]
    similarity = o @ p.T / temperature  # [entries, entries]
    match = torch.arange(similarity.shape[0], device=similarity.device)  # [entries]
    return (F.cross_entropy(similarity, match) + F.cross_entropy(similarity.T, match)) / 2


def contrast_weight(generation: Tensor, contrast: Tensor, *, limit: float) -> Tensor:
    """w = min(limit, stopgrad(L_gen / L_con)), as the authors' released code weighs L_con.

    The weighted term is then as large as L_gen, whatever L_con is, until L_con falls below
    L_gen / limit: `limit` is an upper bound that binds only late in training.
    """
    ratio = generation.detach() / contrast.detach()
    # Without negatives L_con is 0 and the ratio infinite or undefined; the bound holds there too.
    return torch.nan_to_num(ratio, nan=limit, posinf=limit).clamp(max=limit)
