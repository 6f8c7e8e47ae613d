"""What a run's drops vary with, and what a larger run of the same tasks would find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.records import CLEAN, in_level_order
from harness.metrics.grid import Grid, Group, build_grids
from harness.metrics.group_stats import rounded
from harness.metrics.variance import drop_cells, drop_parts
from harness.results.kinds import own_scorers
from harness.results.summary import Outlook, Summary
from harness.stats.planning import PlannedDesign, Question, make_design, pool_parts
from harness.stats.prediction import CellVariance, Size

if TYPE_CHECKING:
    from harness.results.rundir import Run


def look_out(run: Run, summary: Summary) -> Outlook | None:
    """What a run finds and what its full grid would; None where it asked all of it.

    Args:
        run: whose samples and manifest are read.
        summary: its numbers so far.
    """
    design = run.manifest.get("design")
    if not design or design["cells"] >= design["full_cells"]:
        return None
    known = [stats.drop_detectable for stats in summary.levels.values()]
    now = max((one for one in known if one is not None), default=None)
    width = widest_drop(summary)
    whole = _whole(run, summary)
    return Outlook(
        cells=design["cells"],
        full_cells=design["full_cells"],
        drop_detectable=now,
        drop_detectable_full=_at_most(now, whole.detectable if whole else None),
        drop_half_width=None if width is None else rounded(width),
        drop_half_width_full=_at_most(width, whole.half_width if whole else None),
    )


def widest_drop(summary: Summary) -> float | None:
    """Half of the widest of the levels' drop intervals; None where some level has none."""
    drops = [group.drop for name, group in summary.levels.items() if name != CLEAN]
    ends = [drop.interval if drop is not None else None for drop in drops]
    if not ends or None in ends:
        return None
    return max((high - low) / 2 for low, high in filter(None, ends))


def _at_most(now: float | None, full: float | None) -> float | None:
    """What is predicted for the full grid, at most what the run has now; None if one is unknown."""
    return None if now is None or full is None else rounded(min(now, full))


def _whole(run: Run, summary: Summary) -> PlannedDesign | None:
    """The full grid as it is expected to be; None where nothing was perturbed."""
    questions, design = questions_of(run, summary.scorer), run.manifest["design"]
    if not questions:
        return None
    return make_design(questions, design["of_instructions"], design["of_examples"], 1.0)


def questions_of(run: Run, scorer: str) -> tuple[Question, ...]:
    """The drop of each level of a run, with the variance parts it measured and what its tasks have.

    Empty where nothing was perturbed.
    """
    tasks = run.manifest["tasks"]
    labels = {name: task["labels"] for name, task in tasks.items()}
    grids = build_grids(
        run.compact_samples, run.variants, labels, scorer=scorer, own_scorers=own_scorers(tasks)
    )
    confidence = run.manifest["config"]["confidence"]
    return drop_questions(grids, confidence=confidence, examples=examples_of(run.manifest))


def examples_of(manifest: Mapping[str, Any]) -> dict[str, int]:
    """How many examples each task of a run has to ask; a budget may have asked fewer."""
    design, tasks = manifest["design"], manifest["tasks"]
    cut = design["examples"] < design["of_examples"]
    return {
        name: design["of_examples"] if cut else task["examples"] for name, task in tasks.items()
    }


def drop_questions(
    grids: Mapping[str, Grid], *, confidence: float, examples: Mapping[str, int] | None = None
) -> tuple[Question, ...]:
    """The drop of each level, with the variance parts that the run measured.

    Args:
        grids: each task's cells.
        confidence: of the tests, over all levels.
        examples: task -> how many examples there are to ask; those of the grid where not given.
    """
    levels: dict[str, list[tuple[Group, CellVariance, int]]] = {}
    for name, grid in grids.items():
        there = (examples or {}).get(name, len(grid.examples))
        for level in set(grid.levels) - {CLEAN}:
            group = grid.group(grid.rows(level=level))
            parts = drop_parts(group) if group is not None else None
            if group is not None and parts is not None:
                levels.setdefault(level, []).append((group, parts, there))
    levels = _pooled(levels)
    return tuple(
        Question(
            name=level,
            parts=tuple(parts for _, parts, _ in levels[level]),
            variants=tuple(_variants_each(group) for group, _, _ in levels[level]),
            examples=tuple(count for _, _, count in levels[level]),
            tests=len(levels),
            measured_on=tuple(size_of(group) for group, _, _ in levels[level]),
            confidence=confidence,
        )
        for level in in_level_order(levels)
    )


def _pooled(
    levels: Mapping[str, list[tuple[Group, CellVariance, int]]],
) -> dict[str, list[tuple[Group, CellVariance, int]]]:
    """The same with the variances to plan with.

    Where cells are missing they are those of all groups together: few cells say little of each part
    in one task and level.
    """
    groups = [group for own in levels.values() for group, _, _ in own]
    common = None
    if any(group.has_holes for group in groups):
        common = pool_parts([drop_cells(group) for group in groups])

    def of(group: Group, parts: CellVariance) -> CellVariance:
        known = common or pool_parts([drop_cells(group)])
        return replace(known, mean=parts.mean, flows=parts.flows)

    return {
        level: [(group, of(group, parts), there) for group, parts, there in own]
        for level, own in levels.items()
    }


def size_of(group: Group) -> Size:
    """How much of a group was asked."""
    instructions, share = len(np.unique(group.families)), float(group.present.mean())
    return Size(instructions, _variants_each(group), len(group.examples), share)


def _variants_each(group: Group) -> int:
    """How many variants an instruction has, about."""
    return max(round(len(group.variants) / len(np.unique(group.families))), 1)
