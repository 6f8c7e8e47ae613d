"""The heads of a tuned model against its base's: which gained relations with instruction verbs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from harness.explanation.layers.parts import ModelLayers
from harness.explanation.layers.relations import (
    TOP,
    InstructionWords,
    VerbGain,
    related_words,
    verb_gain,
)
from harness.results.layer_changes import HeadChange, VerbRelations
from harness.stats.arrays import Floats, Integers

SHOWN: Final = 5
"""Heads that are named, and of each its new relations."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The words that each word asks for most, in all heads of a model."""

    related: Integers
    """[heads, words, top]"""
    layer: Integers
    """The layer of each head [heads]."""

    def number(self, head: int) -> int:
        """Which head of its layer it is."""
        return head - int(np.searchsorted(self.layer, self.layer[head]))


def read_heads(model: ModelLayers, words: Sequence[str]) -> Heads:
    """The relations of words in every head of a model."""
    with torch.no_grad():
        embeddings = _embed(model, words)
        related = [
            related_words(_array(layer.queries(embeddings)), _array(layer.keys(embeddings)))
            for layer in model.layers
        ]
    layer = np.repeat(np.arange(len(related)), [len(heads) for heads in related])
    return Heads(np.concatenate(related), layer)


def compare_heads(
    base: Heads, tuned: Heads, words: InstructionWords, seed: int
) -> tuple[VerbRelations, VerbGain]:
    """What heads gained in relations with instruction verbs, as it is reported and by head.

    Args:
        base: Relations in the base.
        tuned: Relations in the tuned model, head by head.
        words: The words, and which are verbs.
        seed: Of the random words in the verbs' place.
    """
    gain = verb_gain(base.related, tuned.related, words.is_verb, seed)
    most = np.argsort(gain.base - gain.tuned, kind="stable")[:SHOWN]
    return VerbRelations(
        words=len(words.words),
        verbs=tuple(np.array(words.words)[words.is_verb].tolist()),
        top=TOP,
        heads=len(gain.base),
        base=float(gain.base.mean()),
        tuned=float(gain.tuned.mean()),
        expected=gain.expected,
        gaining=tuple(
            HeadChange(
                layer=int(tuned.layer[head]),
                head=tuned.number(head),
                base=float(gain.base[head]),
                tuned=float(gain.tuned[head]),
                new=tuple(_new_relations(base.related[head], tuned.related[head], words))[:SHOWN],
            )
            for head in map(int, most)
            if gain.tuned[head] > gain.base[head]
        ),
    ), gain


def _new_relations(
    base: Integers, tuned: Integers, words: InstructionWords
) -> Iterator[tuple[str, str]]:
    """A word and the verb that it asks for in the tuned head alone; the most asked for first."""
    for rank in range(tuned.shape[1]):
        for word, asked in enumerate(tuned[:, rank]):
            if words.is_verb[asked] and asked not in base[word]:
                yield words.words[word], words.words[asked]


def _embed(model: ModelLayers, words: Sequence[str]) -> Tensor:
    """(words, width): the mean embedding of each word's tokens, as it stands after a space."""
    encoded = model.tokenizer.encode([f" {word}" for word in words], special=False)
    embed, device = model.network.get_input_embeddings(), model.network.device
    return torch.stack([embed(torch.tensor(ids, device=device)).mean(dim=0) for ids in encoded])


def _array(tensor: Tensor) -> Floats:
    numbers: Floats = tensor.double().cpu().numpy()
    return numbers
