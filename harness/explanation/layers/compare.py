"""A tuned model's layers against its base's: heads, feed-forward networks, and a swap of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.core.errors import UsageError
from harness.core.progress import Progress
from harness.core.records import CLEAN
from harness.explanation.layers.feed_forward import compare_feed_forward
from harness.explanation.layers.heads import compare_heads, read_heads
from harness.explanation.layers.parts import ModelLayers, layers_of
from harness.explanation.layers.relations import find_words
from harness.explanation.layers.swap import SwapTest, swap_layers
from harness.explanation.measures import Statistics
from harness.explanation.ready import ReadyRun
from harness.explanation.values import PairValues
from harness.results.kinds import open_tasks
from harness.results.layer_changes import LayerChange, LayerChanges, VerbRelations


def compare_layers(
    base: ReadyRun,
    tuned: ReadyRun,
    pairs: Sequence[PairValues],
    statistics: Statistics,
    progress: Progress,
) -> LayerChanges:
    """What tuning changed inside a model, and whether that bears its loss under rephrasing.

    Args:
        base: The run of the base, its model in memory.
        tuned: The run of the tuned model, its model in memory.
        pairs: Pairs of cells of the tuned run, on which layers are swapped.
        statistics: Confidence of intervals, and the seed of random words.
        progress: Told of every cell that is asked anew.

    Raises:
        UsageError: a model whose layers cannot be read, or two of other shapes.
    """
    before, after = layers_of(base.model), layers_of(tuned.model)
    _check_alike(before, after)
    relations, layers = _compare(base, before, after, statistics.seed)
    free = open_tasks(tuned.run.manifest["tasks"])
    closed = [one for one in pairs if one.pair.task not in free]
    if not closed:
        return LayerChanges(layers, relations, 0, None, ())
    test = SwapTest(tuned, closed, statistics.confidence, progress)
    loss, swaps = swap_layers(before, after, layers, test)
    return LayerChanges(layers, relations, len(closed), loss, swaps)


def _check_alike(base: ModelLayers, tuned: ModelLayers) -> None:
    shapes = [
        [[tuple(one.shape) for one in layer.module.parameters()] for layer in model.layers]
        for model in (base, tuned)
    ]
    if shapes[0] != shapes[1]:
        raise UsageError(
            f"--layers compares a model with one that was tuned from it, and {tuned.name} has "
            f"layers of other shapes than {base.name}.",
            hint="Leave out --layers.",
        )


def _compare(
    run: ReadyRun, base: ModelLayers, tuned: ModelLayers, seed: int
) -> tuple[VerbRelations | None, tuple[LayerChange, ...]]:
    """Relations over all heads, and what changed layer by layer."""
    layers = tuple(compare_feed_forward(base, tuned))
    words = find_words(one.text for one in run.run.variant_records if one.level == CLEAN)
    if not words.can_be_compared:
        return None, layers
    first, second = (read_heads(model, words.words) for model in (base, tuned))
    relations, gain = compare_heads(first, second, words, seed)
    of_layer = second.layer
    return relations, tuple(
        replace(
            one,
            gain=float((gain.tuned - gain.base)[of_layer == one.layer].mean()),
            beyond=int(gain.beyond[of_layer == one.layer].sum()),
        )
        for one in layers
    )
