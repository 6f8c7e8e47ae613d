"""Tied weights: parameters that two layers share, given to each where one of them changes.

Many models read their input and write their output with one matrix. An adapter on one of the two
layers changes that layer alone while it runs beside the base; merged into the shared matrix it
would change both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from torch import nn
from transformers import PreTrainedModel

Place = tuple[nn.Module, str]
"""A module, and the name of one of its own parameters."""


def untie(model: nn.Module, changing: Iterable[nn.Module]) -> None:
    """Gives every layer a copy of its own of each parameter that a changing layer shares.

    Args:
        model: the model; it is changed.
        changing: layers whose own parameters will be changed in place.
    """
    changed = {id(p) for layer in changing for p in layer.parameters(recurse=False)}
    for places in _shared(model):
        module, name = places[0]
        if id(getattr(module, name)) in changed:
            for other, own in places[1:]:
                shared = getattr(other, own)
                copy = nn.Parameter(shared.detach().clone(), requires_grad=shared.requires_grad)
                setattr(other, own, copy)


def settle_tying(model: PreTrainedModel) -> None:
    """Lets the configuration say whether input and output layer share their weight.

    Without this, saving and loading the model would tie them again.
    """
    reads, writes = model.get_input_embeddings(), model.get_output_embeddings()
    if reads is not None and writes is not None and reads.weight is not writes.weight:
        model.config.tie_word_embeddings = False
        model.config.get_text_config().tie_word_embeddings = False


def _shared(model: nn.Module) -> list[list[Place]]:
    """The places of each parameter that has more than one."""
    places: dict[int, list[Place]] = defaultdict(list)
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            places[id(parameter)].append((module, name))
    return [found for found in places.values() if len(found) > 1]
