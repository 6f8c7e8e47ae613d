"""What the difference between two runs varies with: what a plan for another pair is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.comparison.alignment import align_runs
from harness.comparison.comparable import RunData
from harness.comparison.overall import PerturbedPart, perturbed_part
from harness.core.errors import UsageError
from harness.core.records import PERTURBED
from harness.metrics.grid import Grid
from harness.metrics.outlook import examples_of, size_of
from harness.stats.estimate import Estimate, mean_of
from harness.stats.planning import Question, pool_parts
from harness.stats.prediction import CellVariance


def ask_difference(runs: Sequence[RunData], *, confidence: float) -> tuple[Question, Estimate]:
    """The question which of two runs is better over the perturbed levels, and what they answer.

    Cells whose content differs are left out, as are tasks that asked otherwise.

    Args:
        runs: two, the baseline first.
        confidence: of the test.

    Raises:
        UsageError: nothing perturbed is shared, or settings of the whole runs differ.
        NothingToEvaluateError: the runs share no cell.
    """
    found = difference_question(
        align_runs(runs, unlike="leave-out").grids,
        confidence=confidence,
        examples=examples_of(runs[0].manifest),
    )
    if found is None:
        raise UsageError(
            f"{runs[0].name} and {runs[1].name} share no perturbed cell to plan from.",
            hint="Run both with the same --levels, --task and --seed.",
        )
    return found


def difference_question(
    grids: Mapping[str, tuple[Grid, ...]],
    *,
    confidence: float,
    examples: Mapping[str, int] | None = None,
) -> tuple[Question, Estimate] | None:
    """The same from two runs' grids of each task, laid out alike; None where nothing is perturbed.

    `examples` says how many each task has to ask; those of the grid where it does not.

    The difference is the one that a comparison begins with (`harness.comparison.overall`): all
    levels alike, one test.
    """
    found = {task: perturbed_part(*own) for task, own in grids.items()}
    parts = {task: part for task, part in found.items() if part is not None}
    if not parts:
        return None
    question = Question(
        name=PERTURBED,
        parts=tuple(_variances(list(parts.values()))),
        variants=tuple(_variants_each(part) for part in parts.values()),
        examples=tuple(
            (examples or {}).get(task, len(part.group.examples)) for task, part in parts.items()
        ),
        confidence=confidence,
        measured_on=tuple(size_of(part.group) for part in parts.values()),
    )
    return question, mean_of([part.estimate for part in parts.values()])


def _variances(parts: Sequence[PerturbedPart]) -> list[CellVariance]:
    """Each task's variance parts; those of all tasks together where cells are missing.

    Few cells say little of each part in one task, and what is below 0 is cut off.
    """
    cells = [(part.second - part.first, part.group.present, part.group.families) for part in parts]
    own = [
        replace(pool_parts([one]), flows=part.estimate.flows)
        for one, part in zip(cells, parts, strict=True)
    ]
    if not any(part.group.has_holes for part in parts):
        return own
    common = pool_parts(cells)
    return [replace(common, mean=one.mean, flows=one.flows) for one in own]


def _variants_each(part: PerturbedPart) -> int:
    """How many variants an instruction has over all levels, about."""
    return max(round(len(part.group.variants) / len(np.unique(part.group.families))), 1)
