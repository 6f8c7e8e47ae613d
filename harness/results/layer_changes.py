"""What tuning changed inside a model, as explanation.json holds it; exploratory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.results.quantity import Count, Number, Quantity

ChosenLayer = Literal["most changed", "least changed"]
"""By the change of its weights over their size."""


@dataclass(frozen=True, slots=True)
class LayerChange:
    """One layer of the tuned model against the same one of its base."""

    layer: Count
    """From 0."""
    weights: Number
    """Change of its weights over their size, both as Frobenius norms."""
    rotation: Number
    """1 - |cos| of the leading directions of its feed-forward network."""
    angle: Number
    """Largest principal angle between the spaces of the leading directions, in degrees."""
    words_base: tuple[str, ...]
    """Of the tokens nearest to the base's leading direction, those that begin a word."""
    words_tuned: tuple[str, ...]
    gain: Number | None = None
    """Mean gain of its heads in the share of relations with instruction verbs."""
    beyond: Count = 0
    """Its heads that gain more than random words explain."""


@dataclass(frozen=True, slots=True)
class HeadChange:
    """A head that gained relations with instruction verbs."""

    layer: Count
    head: Count
    base: Number
    """Share of its relations that are with an instruction verb."""
    tuned: Number
    new: tuple[tuple[str, str], ...]
    """Relations that it has in the tuned model alone: a word, and the verb that it asks for."""


@dataclass(frozen=True, slots=True)
class VerbRelations:
    """Relations of the instructions' words with their verbs, over all heads."""

    words: Count
    """Different words of the instructions."""
    verbs: tuple[str, ...]
    """Those that are instruction verbs."""
    top: Count
    """Words that a word is related to in a head."""
    heads: Count
    base: Number
    """Mean share of a head's relations that are with an instruction verb."""
    tuned: Number
    expected: tuple[Number, Number]
    """Where the gain lies for random words in the verbs' place, 95 times in 100."""
    gaining: tuple[HeadChange, ...]
    """The heads that gained most, the first the most."""

    @property
    def gain(self) -> float:
        """How much larger the share is in the tuned model."""
        return self.tuned - self.base

    @property
    def is_found(self) -> bool:
        """Whether verbs gain or lose otherwise than random words do."""
        return not self.expected[0] <= self.gain <= self.expected[1]


@dataclass(frozen=True, slots=True)
class LayerSwap:
    """The tuned model with one layer of its base: does the loss under rephrasing change?"""

    chosen: ChosenLayer
    layer: Count
    loss: Quantity
    """Mean loss of the right answer's log-odds under the variants, in nats."""
    difference: Quantity
    """That loss less the tuned model's own, on the same pairs of cells."""
    moved: Number
    """Mean change of the right answer's log-odds on the clean cells, whatever its sign, in nats."""


@dataclass(frozen=True, slots=True)
class LayerChanges:
    """What tuning changed in heads and feed-forward networks."""

    layers: tuple[LayerChange, ...]
    relations: VerbRelations | None
    """None where too few verbs are known in the instructions."""
    pairs: Count
    """Pairs of cells on which layers were swapped."""
    loss: Quantity | None
    """The tuned model's own mean loss; None where no label's likelihood can be had."""
    swaps: tuple[LayerSwap, ...]
