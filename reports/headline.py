"""What a run found, in words that claim no more than its tests do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.core.records import CLEAN
from harness.results.summary import common_metric
from reports.formatting import listed, percent, points, title
from reports.reading import GroupView, Reading
from reports.tables import Tables, largest_drop, significant_drops


def run_headline(name: str, tables: Tables) -> str:
    """The one sentence that answers: which level hurts this model, by how much, is it real?"""
    if set(tables.levels) <= {CLEAN}:
        return f"{name} was run on clean instructions only: nothing was perturbed."
    if not tables.judged:
        return (
            f"{name} is not significantly above chance on clean instructions, "
            "so this run cannot say how robust it is."
        )
    significant = significant_drops(tables.levels)
    if not significant:
        return _holds(name, tables)
    level, group = significant[0]
    cause = f"{level.capitalize()}-level perturbations cause a statistically significant drop"
    return f"{cause} for {name}: {_fall(group, tables.metric)}, {_loss(group)}."


def run_detail(tables: Tables) -> str:
    """What the headline leaves out: other levels, how far instructions differ, what was asked."""
    if not tables.judged:
        return _asked(tables)
    parts = (*_other_levels(tables), _between_instructions(tables), _asked(tables))
    return " ".join(filter(None, parts))


def _asked(tables: Tables) -> str:
    """How much of the grid was asked, what that finds, and what all of it would."""
    outlook = tables.outlook
    if outlook is None:
        return ""
    asked = f"{outlook.cells:,} of {outlook.full_cells:,} cells were asked"
    now, full = outlook.drop_detectable, outlook.drop_detectable_full
    if now is None or full is None or not tables.judged:
        return f"{asked}; --full asks all."
    return (
        f"{asked}: drops of {points(now)} points are found four times in five; --full would find "
        f"drops of about {points(full)} points."
    )


def several_headline(names: Sequence[str], tables: Sequence[Tables]) -> str:
    """One sentence over several runs: drops, those without one, and unlike instructions."""
    found = list(zip(names, tables, strict=True))
    holding = [(name, one) for name, one in found if _shows_no_drop(one)]
    clauses = [_clause(name, one) for name, one in found if not _shows_no_drop(one)]
    if holding:
        verb = "has" if len(holding) == 1 else "have"
        who, largest = listed([name for name, _ in holding]), [_largest(one) for _, one in holding]
        clauses.append(f"{who} {verb} no significant drop (largest: {listed(largest)})")
    differ = [
        f"{points(one.levels[CLEAN].stats.spread)} points for {name}"
        for name, one in found
        if _instructions_differ(one)
    ]
    if differ:
        clauses.append(f"the clean instructions of a task differ by {listed(differ)}")
    return f"{'; '.join(clauses)}."


def several_detail(names: Sequence[str], tables: Sequence[Tables]) -> str:
    """Each run's clean accuracy: robust and wrong is no achievement."""
    accuracies = [
        f"{name} {percent(clean.stats.accuracy)}{_by_instruction(one)}"
        for name, one in zip(names, tables, strict=True)
        if (clean := one.levels.get(CLEAN)) and clean.stats.accuracy
    ]
    metric = common_metric(one.metric for one in tables)
    return f"Clean {metric}: {listed(accuracies)}." if accuracies else ""


def _other_levels(tables: Tables) -> Iterator[str]:
    """What the other levels do, after the one that the headline names."""
    if set(tables.levels) <= {CLEAN}:
        return
    significant, largest = significant_drops(tables.levels), largest_drop(tables.levels)
    also = [f"{level} ({points(group.stats.drop)})" for level, group in significant[1:]]
    if not significant and largest and _instructions_differ(tables):
        yield f"The largest drop is {_loss(largest[1])} at the {largest[0]} level."
    if also:
        one = len(also) == 1
        drops, are = ("drop", "level is") if one else ("drops", "levels are")
        yield f"The {drops} at the {listed(also)} {are} significant too."
    if significant and (others := _levels_read(tables, Reading.NOT_SIGNIFICANT)):
        yield f"No significant drop at the {listed(others)} level{'s' * (len(others) > 1)}."
    if gains := _levels_read(tables, Reading.GAIN):
        levels = f"{listed(gains)} level{'s' * (len(gains) > 1)}"
        metric = tables.metric
        yield f"{title(metric)} is significantly above clean {metric} at the {levels}."


def _levels_read(tables: Tables, reading: Reading) -> list[str]:
    return [level for level, group in tables.levels.items() if group.reading is reading]


def _instructions_differ(tables: Tables) -> bool:
    """Whether the clean instructions of a task differ by more than chance alone explains."""
    clean = tables.levels.get(CLEAN)
    return clean is not None and tables.judged and clean.spread_is_significant


def _between_instructions(tables: Tables) -> str:
    """The spread of a task's own instructions, where it is significant."""
    if not _instructions_differ(tables):
        return ""
    stats = tables.levels[CLEAN].stats
    return (
        f"The spread of a task's clean instructions is {points(stats.spread)} points "
        f"({_from_worst_to_best(tables)}), where {points(stats.null_spread)} are expected "
        "under H0."
    )


def _from_worst_to_best(tables: Tables) -> str:
    stats = tables.levels[CLEAN].stats
    return f"{percent(stats.worst_prompt_accuracy)} to {percent(stats.best_prompt_accuracy)}"


def _by_instruction(tables: Tables) -> str:
    if not _instructions_differ(tables):
        return ""
    return f" ({_from_worst_to_best(tables)} by instruction)"


def _holds(name: str, tables: Tables) -> str:
    if not tables.measured:
        return f"{name} was measured, but no drop could be computed."
    largest = largest_drop(tables.levels)
    if largest and largest[1].reading is Reading.NOT_TESTED:
        return f"{name} drops most at the {largest[0]} level, {_loss(largest[1])}, untested."
    finding = f"No level causes a statistically significant drop for {name}"
    if _instructions_differ(tables):
        spread = points(tables.levels[CLEAN].stats.spread)
        return f"{finding}, but the clean instructions of a task differ by {spread} points."
    if largest is None:
        return f"{finding}: no level's {tables.metric} is below clean {tables.metric}."
    return f"{finding}: the largest is {_loss(largest[1])} at the {largest[0]} level."


def _shows_no_drop(tables: Tables) -> bool:
    """Whether the run was judged, some drop was measured, and none is significant."""
    return tables.judged and tables.measured and not significant_drops(tables.levels)


def _largest(tables: Tables) -> str:
    largest = largest_drop(tables.levels)
    return f"{points(largest[1].stats.drop)} points" if largest else "none"


def _clause(name: str, tables: Tables) -> str:
    if not tables.judged:
        return f"{name} is not significantly above chance"
    significant = significant_drops(tables.levels)
    if not significant:
        return f"{name} has no measured drop"
    level, group = significant[0]
    return f"{name} drops most at the {level} level, by {points(group.stats.drop)} points"


def _fall(group: GroupView, metric: str) -> str:
    """The two mean scores whose difference the drop is: the same instructions and examples."""
    before, after = group.stats.clean_accuracy_matched, group.stats.accuracy_matched
    return f"{metric} falls from {percent(before)} to {percent(after)}"


def _loss(group: GroupView) -> str:
    drop = group.stats.drop
    if drop is None or drop.interval is None:
        return f"{points(drop)} points"
    low, high = drop.interval
    return f"{points(drop)} points ({points(low)} to {points(high)})"
