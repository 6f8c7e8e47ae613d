"""A model with the same numbers in other places: what explains it explains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel


@contextmanager
def shuffled_weights(model: PreTrainedModel, seed: int) -> Iterator[None]:
    """The rows and columns of every weight change places; afterwards each is where it was.

    Embeddings, and an output layer that shares their weights, stay: a prompt is still made of the
    words that it is made of (Adebayo et al. 2018, "Sanity checks for saliency maps").

    Args:
        model: its weights change in place, without a copy of the model.
        seed: of the order.
    """
    kept = {id(parameter) for parameter in model.get_input_embeddings().parameters()}
    weights: list[Tensor] = [one for one in model.parameters() if id(one) not in kept]
    done: list[tuple[Tensor, list[Tensor]]] = []
    generator = torch.Generator().manual_seed(seed)
    try:
        for weight in weights:
            orders = [torch.randperm(size, generator=generator) for size in weight.shape[:2]]
            _reorder(weight, orders)
            done.append((weight, orders))
        yield
    finally:
        for weight, orders in done:
            _reorder(weight, [order.argsort() for order in orders])


@torch.no_grad()
def _reorder(weight: Tensor, orders: list[Tensor]) -> None:
    for axis, order in enumerate(orders):
        weight.copy_(weight.index_select(axis, order.to(weight.device)))
