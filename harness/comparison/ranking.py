"""The order of several aligned runs at each level, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.comparison.differences import levels_of
from harness.core.records import stable_hash
from harness.metrics.accuracy import prompt_accuracies
from harness.metrics.grid import Grid
from harness.stats.arrays import Floats, Singles
from harness.stats.bootstrap import resample_means
from harness.stats.ranks import chance_of_beating, chance_of_best, kendalls_w


@dataclass(frozen=True, slots=True)
class Ranking:
    """All runs at one level, by accuracy as the plain mean over tasks; in the runs' order."""

    level: str
    accuracy: tuple[float, ...]
    rank: tuple[int, ...]
    """1 for the best; equal runs share the better rank."""
    prompts: int
    kendalls_w: float
    """Whether the prompts agree about the order: 1 all do, 0 they cancel; NaN for one prompt."""
    chance_of_best: tuple[float, ...]
    """Share of resamples of examples and prompts in which the run is the best."""
    chance_of_beating: tuple[tuple[float, ...], ...]
    """Row a, column b: the share of resamples in which run a is above run b, ties by half."""


def rank_runs(
    grids: Mapping[str, Sequence[Grid]],
    resampled: Mapping[str, Sequence[Singles]],
    *,
    seed: int,
) -> tuple[Ranking, ...]:
    """The ranking at each level.

    Args:
        grids: task -> one grid a run, aligned.
        resampled: task -> one `resample_grid` a run, from the same resamples.
        seed: from which the resamples of prompts follow.
    """
    levels = levels_of([own[0] for own in grids.values()])
    return tuple(
        _rank(level, [_task_scores(own, resampled[task], level, seed) for task, own in tasks])
        for level in levels
        if (tasks := [(task, own) for task, own in grids.items() if _rows(own[0], level).any()])
    )


@dataclass(frozen=True, slots=True)
class _Scores:
    """Accuracy of each run under each prompt of a task [K, M], and resampled means [B, M]."""

    by_prompt: Floats
    resampled: Floats


def _rows(grid: Grid, level: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which prompts are of this level and have cells."""
    of_level = np.zeros(len(grid.variants), dtype=np.bool_)
    of_level[grid.rows(level=level)] = True
    return of_level & np.asarray(grid.present.any(axis=1))


def _task_scores(
    runs: Sequence[Grid], resampled: Sequence[Singles], level: str, seed: int
) -> _Scores:
    rows = _rows(runs[0], level)
    accuracies = [
        prompt_accuracies(grid.score[rows].astype(np.float64), grid.present[rows]) for grid in runs
    ]
    families = runs[0].families[rows]
    rng = np.random.default_rng(stable_hash(seed, "prompts", runs[0].task, level))
    means = resample_means(np.stack([one[:, rows] for one in resampled]), families, rng)
    return _Scores(np.stack(accuracies, axis=1), means.T.astype(np.float64))


def _rank(level: str, tasks: Sequence[_Scores]) -> Ranking:
    accuracy = np.mean([one.by_prompt.mean(axis=0) for one in tasks], axis=0)
    # A resample that drew none of a task's cells has no order to vote for.
    drawn = np.mean([one.resampled for one in tasks], axis=0)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    by_prompt = np.concatenate([one.by_prompt for one in tasks])
    return Ranking(
        level=level,
        accuracy=tuple(float(x) for x in accuracy),
        rank=tuple(1 + int((accuracy > x).sum()) for x in accuracy),
        prompts=len(by_prompt),
        kendalls_w=kendalls_w(by_prompt),
        chance_of_best=tuple(float(x) for x in chance_of_best(drawn)),
        chance_of_beating=tuple(tuple(float(x) for x in row) for row in chance_of_beating(drawn)),
    )
