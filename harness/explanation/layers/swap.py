"""A causal test of a changed layer: put the base's weights in its place, and ask again.

Two models have one difference of losses, from which no correlation with changes of layers can be
had. A swap says something of one layer: whether the tuned model's loss under rephrasing would be
another with the layer as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import nn

from harness.core.progress import Progress
from harness.explanation.cells import cells_of, key_of
from harness.explanation.choose import cells_of_pairs
from harness.explanation.layers.parts import ModelLayers
from harness.explanation.measures import mean_of, observe
from harness.explanation.ready import ReadyRun
from harness.explanation.store import Key
from harness.explanation.values import PairValues, log_odds
from harness.results.layer_changes import ChosenLayer, LayerChange, LayerSwap
from harness.results.quantity import Quantity

_SCORINGS: Final = 3
"""With the tuned model's own layers, with one of its base, with another."""

LogOdds = Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class SwapTest:
    """On what a swap of layers is tested."""

    run: ReadyRun
    """The tuned model's."""
    pairs: Sequence[PairValues]
    """Perturbed cells against their clean twins, of tasks whose labels have likelihoods."""
    confidence: float
    progress: Progress

    @property
    def keys(self) -> tuple[Key, ...]:
        """The cells that are asked, each once."""
        return cells_of_pairs(one.pair for one in self.pairs)

    def ask(self, what: str) -> LogOdds:
        """Log-odds of the right answer in nats, cell by cell, by the labels' likelihoods."""
        plan, model = self.run.plan, self.run.model
        found: dict[Key, float] = {}
        for task, cells in cells_of(plan.plan, self.keys):
            self.progress.doing(task.name, what)
            for index, response in model.loglik(plan.tools[task.name].requests(cells)):
                cell = cells[index]
                found[key_of(cell)] = log_odds(response.scores, cell.example.gold)
                self.progress.advance(1)
        return found

    def mean_loss(self, odds: LogOdds, less: LogOdds | None = None) -> Quantity | None:
        """What the right answer's log-odds lose under the variants, or how much more they do."""
        return mean_of(
            (
                observe(one, _loss(odds, one) - (0.0 if less is None else _loss(less, one)))
                for one in self.pairs
            ),
            "ratio",
            self.confidence,
        )


def swap_layers(
    base: ModelLayers, tuned: ModelLayers, changes: Sequence[LayerChange], test: SwapTest
) -> tuple[Quantity | None, tuple[LayerSwap, ...]]:
    """The tuned model's own mean loss, and with the base's most and least changed layer in it.

    The layer that changed least is there to compare with: a swap that does as much there says
    nothing of the change.
    """
    test.progress.start(_SCORINGS * len(test.keys))
    own = test.ask("own layers")
    ranked = sorted(changes, key=lambda one: one.weights)
    picked: tuple[tuple[ChosenLayer, LayerChange], ...] = (
        ("most changed", ranked[-1]),
        ("least changed", ranked[0]),
    )
    swaps = []
    for chosen, change in picked:
        place = change.layer
        with swapped(tuned.layers[place].module, base.layers[place].module):
            odds = test.ask(f"layer {place} of the base")
        loss, difference = test.mean_loss(odds), test.mean_loss(odds, less=own)
        if loss is not None and difference is not None:
            swaps.append(LayerSwap(chosen, place, loss, difference, _moved(test, own, odds)))
    test.progress.stop()
    return test.mean_loss(own), tuple(swaps)


@contextmanager
def swapped(layer: nn.Module, donor: nn.Module) -> Iterator[None]:
    """A layer with the weights of another one of its shape; afterwards it has its own again."""
    own = [parameter.detach().clone() for parameter in layer.parameters()]
    _copy(layer, list(donor.parameters()))
    try:
        yield
    finally:
        _copy(layer, own)


@torch.no_grad()
def _copy(layer: nn.Module, weights: Sequence[torch.Tensor]) -> None:
    for parameter, weight in zip(layer.parameters(), weights, strict=True):
        parameter.copy_(weight)


def _loss(odds: LogOdds, one: PairValues) -> float:
    return odds[one.pair.clean_key] - odds[one.pair.key]


def _moved(test: SwapTest, own: LogOdds, other: LogOdds) -> float:
    clean = {one.pair.clean_key for one in test.pairs}
    return float(np.nanmean([abs(other[key] - own[key]) for key in sorted(clean)]))
