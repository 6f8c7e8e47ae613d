"""The feed-forward networks of a tuned model against its base's: how far directions turned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.explanation.layers.directions import (
    largest_angle,
    leading_directions,
    nearest_tokens,
    rotation,
)
from harness.explanation.layers.parts import Layer, ModelLayers
from harness.results.layer_changes import LayerChange
from harness.stats.arrays import Floats

SHOWN: Final = 5
"""Words that are shown of a direction."""
_TRIED: Final = 200
"""Tokens nearest to a direction among which words are looked for."""
_WORD: Final = re.compile(r"[Ġ▁]([^\W\d_]{2,})")
"""A token that begins a word, by the mark that tokenizers write for the space before it."""


@dataclass(frozen=True, slots=True)
class OutputWords:
    """Names directions by the words whose output vectors are nearest."""

    model: ModelLayers
    vectors: Floats
    """Each token's output vector less the mean of all, of length 1 [tokens, width]."""

    @classmethod
    def of(cls, model: ModelLayers) -> OutputWords:
        """The words that a model can say."""
        vectors = model.network.get_output_embeddings().weight.detach().float().cpu().numpy()
        centred = vectors - vectors.mean(axis=0)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        return cls(model, centred / np.maximum(lengths, np.finfo(centred.dtype).tiny))

    def near(self, direction: Floats) -> tuple[str, ...]:
        """The nearest tokens that begin a word, the nearest first; fewer where few do."""
        tokens = nearest_tokens(direction, self.vectors, _TRIED)
        names = self.model.tokenizer.names(tokens.tolist())
        words = [found[1] for name in names if (found := _WORD.fullmatch(name))]
        return tuple(words[:SHOWN])


def compare_feed_forward(base: ModelLayers, tuned: ModelLayers) -> Iterator[LayerChange]:
    """What tuning changed in each layer's feed-forward network and in its weights as a whole.

    Args:
        base: The layers of the base.
        tuned: Those of the tuned model, layer by layer of the same shapes.
    """
    words = OutputWords.of(base), OutputWords.of(tuned)
    for place, both in enumerate(zip(base.layers, tuned.layers, strict=True)):
        first, second = (leading_directions(_written(layer)) for layer in both)
        yield LayerChange(
            layer=place,
            weights=weight_change(*both),
            rotation=rotation(first[0], second[0]),
            angle=largest_angle(first, second),
            words_base=words[0].near(first[0]),
            words_tuned=words[1].near(second[0]),
        )


def weight_change(base: Layer, tuned: Layer) -> float:
    """||W' - W|| / ||W|| over all weights of a layer (Frobenius norms)."""
    pairs = [
        (one.detach().double().cpu(), other.detach().double().cpu())
        for one, other in zip(base.module.parameters(), tuned.module.parameters(), strict=True)
    ]
    changed = sum(float((other - one).square().sum()) for one, other in pairs)
    size = sum(float(one.square().sum()) for one, _ in pairs)
    return float(np.sqrt(changed / size)) if size else 0.0


def _written(layer: Layer) -> Floats:
    numbers: Floats = layer.written.detach().double().cpu().numpy()
    return numbers
