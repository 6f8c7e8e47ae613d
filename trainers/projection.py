"""The projection head: what some terms see states through, and what is thrown away afterwards."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn
from transformers import PreTrainedModel

HEAD_FILE: Final = "projection.safetensors"
"""In a checkpoint to resume from; the trained model has no such file."""


def state_width(model: PreTrainedModel) -> int:
    """How wide the model's states are: what its output layer reads."""
    head = model.get_output_embeddings()
    width: int = head.weight.shape[1]
    return width


def make_projection(width: int, projected: int, *, seed: int) -> nn.Module:
    """A head of two layers, as in SimCLR (arXiv 2002.05709) and SupCon (arXiv 2004.11362).

    A loss between states makes them forget what tells texts apart in other respects. Taken behind
    a head, it is the head's output that forgets, and the model keeps more of its states.

    Args:
        width: of the model's states.
        projected: of the head's output.
        seed: of its first weights; torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, projected))
