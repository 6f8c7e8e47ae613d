"""Two or more runs on the same cells: who is better where, and whether that is more than noise.

The first run is the one that the others are compared with. Every difference is other - first, on
the cells that all runs have; what the runs share (an easy example, a lucky instruction) cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.comparison.alignment import align_runs
from harness.comparison.changes import compare_prompts, count_all_changes
from harness.comparison.comparable import RunData, Unlike, run_data
from harness.comparison.differences import Paired, measure_differences
from harness.comparison.overall import adjust_overall, measure_overall
from harness.comparison.ranking import rank_runs
from harness.comparison.result import Comparison, Pair
from harness.metrics.grid import Grid
from harness.metrics.measures import resample_grid
from harness.results.summary import common_metric
from harness.stats.arrays import Singles

__all__ = ["Comparison", "Pair", "RunData", "Unlike", "compare", "run_data"]

METRICS: Final = ("accuracy", "drop", "consistency")
RESAMPLES: Final = 2000


def compare(
    runs: Sequence[RunData],
    *,
    metrics: Sequence[str] = METRICS,
    scorer: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    unlike: Unlike = "refuse",
) -> Comparison:
    """The first run against every other, and all of them ranked.

    Args:
        runs: two at least, the baseline first (`run_data` makes one of a run directory).
        metrics: whose differences to measure (`harness.metrics.measures.MEASURES`).
        scorer: whose samples to use; default: of those that all have, the first run's first.
        seed: from which all resamples follow; both sides of a difference share them.
        confidence: of the intervals, and 1 - the level of the adjusted tests.
        resamples: how often examples and prompts are resampled for the ranking.
        unlike: what becomes of runs that asked different questions: `refuse` them, `leave-out`
            what differs and compare the rest, or `note` settings that differ and go on.

    Raises:
        UsageError: fewer than two runs, or runs that asked different questions.
        NothingToEvaluateError: the runs share no cell.
        UnknownNameError: no such metric.
    """
    aligned = align_runs(runs, scorer=scorer, unlike=unlike)
    resampled = {
        task: tuple(resample_grid(grid, seed, resamples) for grid in grids)
        for task, grids in aligned.grids.items()
    }
    tasks = [_paired(aligned.grids, resampled, other) for other in range(1, len(runs))]
    overall = adjust_overall(
        [measure_overall(own, confidence=confidence) for own in tasks], confidence
    )
    pairs = tuple(
        Pair(
            first=aligned.names[0],
            second=second,
            differences=measure_differences(own, metrics, confidence=confidence),
            changes=count_all_changes(own),
            prompts=compare_prompts(own),
            overall=difference,
        )
        for second, own, difference in zip(aligned.names[1:], tasks, overall, strict=True)
    )
    return Comparison(
        runs=aligned.names,
        scorer=aligned.scorer,
        score=common_metric(
            runs[0].manifest["tasks"][task].get("metric", "accuracy") for task in aligned.grids
        ),
        confidence=confidence,
        tasks=tuple(aligned.grids),
        cells=aligned.cells,
        unmatched=tuple(had - aligned.cells for had in aligned.had),
        notes=aligned.notes,
        pairs=pairs,
        rankings=rank_runs(aligned.grids, resampled, seed=seed),
    )


def _paired(
    grids: Mapping[str, Sequence[Grid]], resampled: Mapping[str, Sequence[Singles]], other: int
) -> dict[str, Paired]:
    """Task -> the first run's grid and another's, with their resamples."""
    return {
        task: Paired(own[0], own[other], (resampled[task][0], resampled[task][other]))
        for task, own in grids.items()
    }
