"""What a run found, in words that claim no more than its intervals do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.core.records import CLEAN
from reports.formatting import Estimate, counted, listed, percent, points
from reports.measures_view import Group, Reading
from reports.source import Run, text_at, texts_at
from reports.tables import Tables, clear_drops, largest_drop

_UNPARSED_WORTH_SAYING = 0.02


def run_headline(name: str, tables: Tables) -> str:
    """The one sentence that answers: which phrasing breaks this model, by how much, is it real?"""
    if not tables.levels or set(tables.levels) == {CLEAN}:
        return f"{name} was run on clean instructions only: nothing was rephrased."
    if not tables.judged:
        return (
            f"{name} is not clearly better than guessing on clean instructions, "
            "so this run cannot say how robust it is."
        )
    clear = clear_drops(tables.levels)
    if not clear:
        return _holds(name, tables)
    level, group = clear[0]
    return (
        f"{level.capitalize()}-level rephrasing breaks {name} most: {_fall(tables, group)}, "
        f"{_loss(group)}."
    )


def run_detail(tables: Tables) -> str:
    """What the headline leaves out: the other levels, and how far instructions differ."""
    if not tables.judged:
        return ""
    return " ".join(filter(None, (*_other_levels(tables), _between_instructions(tables))))


def _other_levels(tables: Tables) -> Iterator[str]:
    """What the other levels do, after the one that the headline names."""
    if set(tables.levels) <= {CLEAN}:
        return
    clear = clear_drops(tables.levels)
    also = [f"{level} ({points(group.drop)})" for level, group in clear[1:]]
    noise = [level for level, group in tables.levels.items() if group.reading is Reading.NOISE]
    gains = [level for level, group in tables.levels.items() if group.reading is Reading.CLEAR_GAIN]
    if not clear and _instructions_differ(tables) and (found := largest_drop(tables.levels)):
        yield f"The largest drop is {_loss(found[1])} at the {found[0]} level."
    if also:
        yield f"Changes at the {listed(also)} level{'s' * (len(also) > 1)} cost points too."
    if noise and clear:
        yield f"{_levels(noise)} within noise."
    if gains:
        yield f"{_levels(gains)} above the clean wording."


def _instructions_differ(tables: Tables) -> bool:
    """Whether the clean instructions of a task differ by more than chance alone explains."""
    clean = tables.levels.get(CLEAN)
    return clean is not None and tables.judged and clean.spread_is_clear


def _between_instructions(tables: Tables) -> str:
    """How far a task's own instructions lie apart, where that is clear."""
    if not _instructions_differ(tables):
        return ""
    clean = tables.levels[CLEAN]
    return (
        f"Between a task's worst and best clean instruction lie {points(clean.spread)} points "
        f"({_from_worst_to_best(clean)}), where chance alone gives {points(clean.null_spread)}."
    )


def _from_worst_to_best(clean: Group) -> str:
    worst, best = percent(clean.worst_prompt_accuracy), percent(clean.best_prompt_accuracy)
    return f"{worst} to {best}"


def several_headline(names: Sequence[str], tables: Sequence[Tables]) -> str:
    """One sentence over several runs: drops, those that hold together, and unlike instructions."""
    found = list(zip(names, tables, strict=True))
    holding = [(name, drop) for name, one in found if (drop := _drop_in_noise(one))]
    clauses = [_clause(name, one) for name, one in found if not _drop_in_noise(one)]
    if holding:
        verb = "loses" if len(holding) == 1 else "lose"
        most = listed([points(drop) for _, drop in holding])
        who = listed([name for name, _ in holding])
        clauses.append(f"{who} {verb} nothing beyond noise (most: {most} points)")
    differ = [
        f"{points(one.levels[CLEAN].spread)} points for {name}"
        for name, one in found
        if _instructions_differ(one)
    ]
    if differ:
        clauses.append(f"a task's instructions differ by {listed(differ)}")
    return f"{'; '.join(clauses)}."


def several_detail(names: Sequence[str], tables: Sequence[Tables]) -> str:
    """How right each run is on the clean wording: robust and wrong is no achievement."""
    right = [
        f"{name} {percent(clean.accuracy)}{_by_instruction(one)}"
        for name, one in zip(names, tables, strict=True)
        if (clean := one.levels.get(CLEAN)) and clean.accuracy
    ]
    return f"Right on the clean wording: {listed(right)}." if right else ""


def _by_instruction(tables: Tables) -> str:
    if not _instructions_differ(tables):
        return ""
    return f" ({_from_worst_to_best(tables.levels[CLEAN])} by instruction)"


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


def _fall(tables: Tables, group: Group) -> str:
    clean = tables.levels.get(CLEAN)
    if clean is None or clean.accuracy is None or group.accuracy is None:
        return "accuracy falls"
    before, after = percent(clean.accuracy), percent(group.accuracy)
    return f"accuracy falls from {before} to {after}"


def _levels(names: list[str]) -> str:
    verb = "changes are" if len(names) == 1 else "level changes are"
    return f"{listed(names).capitalize()} {verb}"


def _holds(name: str, tables: Tables) -> str:
    largest = largest_drop(tables.levels)
    if largest is None:
        return f"{name} was measured, but no drop could be computed."
    level, group = largest
    if group.reading is Reading.NO_INTERVAL:
        return f"{name} loses most at the {level} level, {_loss(group)}, with no interval computed."
    if _instructions_differ(tables):
        spread = points(tables.levels[CLEAN].spread)
        return (
            f"No level of rephrasing moves {name} down beyond noise, "
            f"but the instructions of a task differ by {spread} points."
        )
    return (
        f"No level of rephrasing moves {name} down beyond noise: "
        f"the largest drop is {_loss(group)} at the {level} level."
    )


def _drop_in_noise(tables: Tables) -> Estimate | None:
    """The largest drop, where the run was judged and that drop is not clear."""
    largest = largest_drop(tables.levels)
    if not tables.judged or largest is None or largest[1].reading is Reading.CLEAR_DROP:
        return None
    return largest[1].drop


def _clause(name: str, tables: Tables) -> str:
    largest = largest_drop(tables.levels)
    if not tables.judged:
        return f"{name} is not clearly better than guessing"
    if largest is None:
        return f"{name} has no measured drop"
    level, group = largest
    return f"{name} loses {points(group.drop)} points at its weakest level, {level}"


def _loss(group: Group) -> str:
    drop = group.drop
    if drop is None:
        return "an unknown number of points"
    if drop.low is None:
        return f"{points(drop)} points"
    return f"{points(drop)} points ({points(drop.low)} to {points(drop.high)})"


def _unfinished(run: Run) -> str:
    status = text_at(run.manifest, "status", "complete")
    if status == "complete":
        return ""
    return f"The run is {status}: these are the cells that were done, not all that were planned."


def _below_chance(tables: Tables) -> str:
    weak = [task.name for task in tables.tasks if not task.above_chance]
    if not weak or not tables.judged:
        return ""
    their, say = ("its drop", "says") if len(weak) == 1 else ("their drops", "say")
    return (
        f"On {listed(weak)} clean accuracy is not above chance: there is nothing to lose there, "
        f"so {their} {say} nothing about robustness and only dilute{'s' * (len(weak) == 1)} "
        "the averages over tasks."
    )


def _unparsed(levels: Mapping[str, Group]) -> str:
    rates = [group.unparsed_rate.value for group in levels.values() if group.unparsed_rate]
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
    over = f"With {counted(max(examples), 'example')}" if examples else "Here"
    return f"{over} a drop under about {points(max(spots))} points could have been missed."
