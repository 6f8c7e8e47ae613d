"""What tuning changed inside a model, in words and tables: a part of the section Why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.results.layer_changes import LayerChanges, LayerSwap, VerbRelations
from reports.formatting import Writable, counted, number, percent, points, with_interval


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table whose cells are written already."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class LayersView:
    """What is shown of the layers of two models."""

    findings: tuple[str, ...]
    tables: tuple[TextTable, ...]


def build_layers(changes: LayerChanges | None) -> LayersView | None:
    """What is shown of two models' layers; None where they were not compared."""
    if changes is None:
        return None
    tables = (_layers(changes), _heads(changes.relations), _swaps(changes))
    return LayersView(
        tuple(layer_findings(changes)), tuple(table for table in tables if table.rows)
    )


def layer_findings(changes: LayerChanges) -> Iterator[str]:
    """What was found, a sentence for heads, for feed-forward networks and for the swap."""
    yield _of_heads(changes.relations)
    turned = max(changes.layers, key=lambda one: one.rotation)
    widest = max(changes.layers, key=lambda one: one.angle)
    yield (
        f"Feed-forward networks: the leading direction turned most in layer {turned.layer} "
        f"(1 − |cos| = {number(turned.rotation, 6)}), the space of the leading directions most in "
        f"layer {widest.layer} (by {number(widest.angle)}°)."
    )
    yield _of_swaps(changes)


def _of_heads(relations: VerbRelations | None) -> str:
    if relations is None:
        return (
            "Heads: too few of the instructions' words are known as instruction verbs to compare "
            "relations with them."
        )
    low, high = relations.expected
    told = (
        f"Heads: of the {relations.top} words that each of the instructions' "
        f"{counted(relations.words, 'word')} asks for most, {percent(relations.base)} are one of "
        f"{counted(len(relations.verbs), 'instruction verb')} in the base and "
        f"{percent(relations.tuned)} in the tuned model: {points(relations.gain, 2)} points more, "
        f"where random words in the verbs' place have {points(low, 2)} to {points(high, 2)} more"
    )
    if not relations.is_found:
        return f"{told}, so no gain was found."
    moved = "gained" if relations.gain > 0 else "lost"
    return f"{told}: heads {moved} relations with instruction verbs."


def _of_swaps(changes: LayerChanges) -> str:
    told = (
        "Two models have one difference of losses, from which no correlation with changes of "
        "layers can be had"
    )
    swaps = {one.chosen: one for one in changes.swaps}
    most, least = swaps.get("most changed"), swaps.get("least changed")
    if most is None or least is None:
        return f"{told}, and no label's likelihood is known, on which a layer could be tried."
    return (
        f"{told}; but with layer {most.layer} as it was in the base (the one that changed most), "
        f"the tuned model's loss of log-odds under the variants "
        f"({with_interval(changes.loss, number, number)} nats) changes by {_difference(most)}, "
        f"with layer {least.layer} (the one that changed least) by {_difference(least)}: "
        f"{_bears(most, least)}."
    )


def _difference(swap: LayerSwap) -> str:
    return with_interval(swap.difference, _fine, _fine)


def _fine(given: Writable) -> str:
    return number(given, 3)


def _bears(most: LayerSwap, least: LayerSwap) -> str:
    """What a swap says: something only beyond noise, and beyond what any swap does."""
    interval = most.difference.interval
    if interval is None:
        return "too few pairs of cells to say whether that change bears any of it"
    beyond_any = abs(most.difference.value) > abs(least.difference.value)
    if interval[0] <= 0 <= interval[1] or not beyond_any:
        return "the largest change is not shown to bear any of it"
    return f"the largest change {'lowers' if interval[0] > 0 else 'raises'} the loss"


def _layers(changes: LayerChanges) -> TextTable:
    return TextTable(
        "What tuning changed, layer by layer",
        (
            "Layer", "Weights (%)", "Rotation", "Angle (°)", "Verb relations (pp)",
            "Heads beyond chance", "Leading direction, base", "Tuned",
        ),
        tuple(
            (
                str(one.layer),
                number(100 * one.weights, 2),
                number(one.rotation, 6),
                number(one.angle),
                points(one.gain, 2),
                str(one.beyond),
                ", ".join(one.words_base),
                ", ".join(one.words_tuned),
            )
            for one in changes.layers
        ),
    )  # fmt: skip


def _heads(relations: VerbRelations | None) -> TextTable:
    gaining = () if relations is None else relations.gaining
    return TextTable(
        "Heads that gained most relations with instruction verbs",
        ("Head", "Base", "Tuned", "New relations"),
        tuple(
            (
                f"{one.layer}.{one.head}",
                percent(one.base),
                percent(one.tuned),
                ", ".join(f"{word} → {verb}" for word, verb in one.new),
            )
            for one in gaining
        ),
    )


def _swaps(changes: LayerChanges) -> TextTable:
    return TextTable(
        f"The tuned model with a layer of its base, {counted(changes.pairs, 'pair')} of cells",
        ("Layer", "Chosen", "Loss (nats)", "Less its own", "Clean log-odds moved"),
        tuple(
            (
                str(one.layer),
                one.chosen,
                with_interval(one.loss, number, number),
                _difference(one),
                number(one.moved),
            )
            for one in changes.swaps
        ),
    )
