"""Terms that compare all pairs of a batch: their values, and the gradient of their weighted sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from trainers.loss import LossOptions
from trainers.objectives import TERMS
from trainers.outputs import BatchStates


class ProcessGroup(Protocol):
    """The devices that share a step."""

    size: int
    rank: int

    def gather(self, values: Tensor) -> Tensor:
        """The rows of all devices, by rank; each device has as many."""
        ...

    def sum(self, values: Tensor) -> Tensor:
        """The sum over devices."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """The terms of a batch that compare its pairs."""

    values: dict[str, Tensor]
    """Each term before weighting, over all devices."""
    weights: dict[str, Tensor]
    """What each is multiplied by."""
    gradient: Tensor
    """[2n, width], of the weighted sum with respect to this device's states, originals first."""


def compare_batch(
    states: Tensor,
    classes: Tensor,
    language: Tensor | None,
    options: LossOptions,
    group: ProcessGroup,
    projection: nn.Module | None = None,
) -> Comparison:
    """Compute the terms that compare the pairs of all devices.

    The gradient for the projection head is added to its parameters, like a backward pass does. It
    is that of all devices, as every device has all states: nothing is left to be averaged.

    Args:
        states: [2n, width], this device's pooled states, originals first.
        classes: [n], of its pairs.
        language: L_gen of the batch, which the contrast's adaptive weight is relative to.
        options: the terms and their settings.
        group: the devices.
        projection: the head that terms see states through, where the objective has such a term.
    """
    leaf = states.detach().requires_grad_()
    with torch.enable_grad():
        batch = _gather(leaf, classes, group)
        projected = _project(batch, projection)
        values = {
            name: TERMS[name].load_comparison()(
                projected if TERMS[name].projected else batch, options
            )
            for name in options.over_batch
        }
        weights = {name: _weigh(name, value, language, options) for name, value in values.items()}
        total = torch.stack([weights[name] * value for name, value in values.items()]).sum()
    inputs = [leaf, *(projection.parameters() if projection is not None else ())]
    gradient, *own = torch.autograd.grad(total, inputs)
    for parameter, value in zip(inputs[1:], own, strict=True):
        parameter.grad = value if parameter.grad is None else parameter.grad + value
    found = {name: value.detach() for name, value in values.items()}
    return Comparison(found, weights, gradient)


def _gather(states: Tensor, classes: Tensor, group: ProcessGroup) -> BatchStates:
    """The states of all devices, with a graph to this device's."""
    original, paraphrase = (_among_all(half, group) for half in states.chunk(2))
    return BatchStates(original, paraphrase, group.gather(classes))


def _among_all(states: Tensor, group: ProcessGroup) -> Tensor:
    others = group.gather(states.detach())  # [entries of all devices, width]
    start, end = group.rank * len(states), (group.rank + 1) * len(states)
    return torch.cat([others[:start], states, others[end:]])


def _project(batch: BatchStates, projection: nn.Module | None) -> BatchStates:
    if projection is None:
        return batch
    both = projection(torch.cat([batch.original, batch.paraphrase]))  # [2 x entries, projected]
    original, paraphrase = both.chunk(2)
    return BatchStates(original, paraphrase, batch.classes)


def _weigh(name: str, value: Tensor, language: Tensor | None, options: LossOptions) -> Tensor:
    if name == "contrast":
        # Without a language loss its weight is fixed.
        return options.weigh_contrast(value if language is None else language, value.detach())
    return torch.full_like(value.detach(), options.terms[name])
