"""What a run found, in words that claim no more than its intervals do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.records import CLEAN
from reports.figures import counted, listed, percent, points
from reports.group import Group, Reading
from reports.source import Run, text_at, texts_at
from reports.tables import Tables, clear_drops, largest_drop

_UNPARSED_WORTH_SAYING = 0.02


def run_headline(name: str, tables: Tables) -> str:
    """The one sentence that answers: which phrasing breaks this model, by how much, is it real?"""
    if not tables.levels or set(tables.levels) == {CLEAN}:
        return f"{name} was run on clean instructions only: nothing was rephrased."
    if not tables.judged:
        return (
            f"{name} does no better than guessing on clean instructions, "
            "so this run cannot say how robust it is."
        )
    clear = clear_drops(tables.levels)
    if clear:
        return _breaks(name, clear, tables.levels)
    return _holds(name, tables.levels)


def several_headline(names: Sequence[str], tables: Sequence[Tables]) -> str:
    """One sentence over several runs, each with its largest drop."""
    clauses = [_clause(name, one) for name, one in zip(names, tables, strict=True)]
    return f"{'; '.join(clauses)}."


def caveats(run: Run, tables: Tables) -> tuple[str, ...]:
    """What a reader must know before believing the headline."""
    return tuple(
        sentence
        for sentence in (
            _unfinished(run),
            _below_chance(tables),
            _unparsed(tables.levels),
            _blind_spot(tables),
            *texts_at(run.manifest, "notes"),
        )
        if sentence
    )


def _breaks(name: str, clear: list[tuple[str, Group]], levels: Mapping[str, Group]) -> str:
    (worst, group), *others = clear
    sentence = f"{worst.capitalize()}-level rephrasing breaks {name} most: {_loss(group)}"
    if others:
        also = [f"{level} {points(_value(group))}" for level, group in others]
        sentence += f"; {listed(also)} too"
    rest = [level for level, group in levels.items() if group.reading is Reading.NOISE]
    if rest:
        verb = "is" if len(rest) == 1 else "are"
        sentence += f"; {listed(rest)} {verb} within noise"
    return f"{sentence}."


def _holds(name: str, levels: Mapping[str, Group]) -> str:
    largest = largest_drop(levels)
    if largest is None:
        return f"{name} was measured, but no drop could be computed."
    level, group = largest
    if group.reading is Reading.NO_INTERVAL:
        return f"{name} loses most at the {level} level, {_loss(group)}, with no interval computed."
    return (
        f"No level of rephrasing moves {name} down beyond noise: "
        f"the largest drop is {_loss(group)} at the {level} level."
    )


def _clause(name: str, tables: Tables) -> str:
    largest = largest_drop(tables.levels)
    if not tables.judged:
        return f"{name} does no better than guessing"
    if largest is None:
        return f"{name} has no measured drop"
    level, group = largest
    if group.reading is Reading.CLEAR_DROP:
        return f"{name} loses {points(_value(group))} points at its weakest level, {level}"
    return f"{name} loses nothing beyond noise (most: {points(_value(group))} points, {level})"


def _loss(group: Group) -> str:
    drop = group.drop
    if drop is None:
        return "an unknown number of points"
    if drop.low is None:
        return f"{points(drop.value)} points"
    return f"{points(drop.value)} points ({points(drop.low)} to {points(drop.high)})"


def _value(group: Group) -> float | None:
    return group.drop.value if group.drop else None


def _unfinished(run: Run) -> str:
    status = text_at(run.manifest, "status", "complete")
    if status == "complete":
        return ""
    return f"The run is {status}: these are the cells that were done, not all that were planned."


def _below_chance(tables: Tables) -> str:
    weak = [task.name for task in tables.tasks if not task.above_chance]
    if not weak:
        return ""
    their, say = ("its drop", "says") if len(weak) == 1 else ("their drops", "say")
    return (
        f"On {listed(weak)} clean accuracy is not above chance: there is nothing to lose there, "
        f"so {their} {say} nothing about robustness and only dilute{'s' * (len(weak) == 1)} "
        "the averages over tasks."
    )


def _unparsed(levels: Mapping[str, Group]) -> str:
    rates = [group.unparsed_rate or 0.0 for group in levels.values()]
    worst = max(rates, default=0.0)
    if worst < _UNPARSED_WORTH_SAYING:
        return ""
    return (
        f"Up to {percent(worst)} of a level's answers could not be parsed and count as wrong: "
        "part of the drop may be the format of the answer, not the answer."
    )


def _blind_spot(tables: Tables) -> str:
    spots = [group.detectable for group in tables.levels.values() if group.detectable]
    if not spots or not tables.judged:
        return ""
    examples = [group.examples for group in tables.levels.values() if group.examples]
    over = f" over {counted(max(examples), 'example')}" if examples else ""
    return f"A drop under about {points(max(spots))} points could have been missed{over}."
