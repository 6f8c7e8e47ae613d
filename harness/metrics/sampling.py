"""What varies because answers are drawn, apart from what varies because prompts differ.

Y[k,i,r] is the score of draw r = 1..R of variant k on example i, m[k,i] the mean over draws and
s2[k,i] their variance (divisor R - 1). The nested components of a one-way layout, method of moments
(Searle, Casella and McCulloch 1992, section 3.6):

    sampling  = mean of s2[k,i] over cells
    phrasing  = sum_i sum_k (m[k,i] - m[.,i])^2 / sum_i (K_i - 1), less the part of it that is
                sampling: sum_i (K_i - 1) mean_k s2[k,i] / R over the same divisor

with K_i variants on example i. Both are variances of one answer's score: `phrasing` between
variants of one level on the same example. Intervals resample examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.core.records import RIGHT_FROM, in_level_order, stable_hash
from harness.metrics.group_stats import rounded
from harness.metrics.open_answers import fold_answer
from harness.results.quantity import Quantity
from harness.results.summary import GroupStats, SamplingStats
from harness.stats.arrays import Booleans, Floats, Integers
from harness.stats.bootstrap import draw_counts

if TYPE_CHECKING:
    import pandas as pd

    from harness.metrics.grid import Grid

Ratios = Mapping[str, tuple[Floats, Floats]]
"""Measure -> what its examples add to its numerator and to its denominator [N]."""

_MEASURES: Final = (
    "sampling_variance", "phrasing_variance", "pass_any", "pass_all", "agreement_of_draws",
    "agreement_of_variants",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnCells:
    """The draws of some variants of a task."""

    score: Floats  # [K, N, R]
    answer: Integers  # [K, N, R], codes; -1 where nothing could be read
    present: Booleans  # [K, N]


@dataclass(frozen=True, slots=True)
class Sampled:
    """A measure per level, and what it is in each resample."""

    repeats: int
    cells: int
    values: Mapping[str, float]
    resampled: Mapping[str, Floats]  # [B]


def drawn_cells(grid: Grid, draws: pd.DataFrame) -> DrawnCells | None:
    """A task's draws in the order of its grid; None where it has none.

    Args:
        grid: the task's samples.
        draws: one row per draw, as in `Run.draws`.
    """
    variants = {name: row for row, name in enumerate(grid.variants)}
    examples = {name: column for column, name in enumerate(grid.examples)}
    own = draws[draws["variant_id"].isin(variants)]
    if own.empty:
        return None
    rows = own["variant_id"].map(variants).to_numpy()
    columns = own["example_id"].map(examples).to_numpy()
    places = own["place"].to_numpy()
    shape = (len(variants), len(examples), int(places.max()) + 1)
    answers = [fold_answer(one) if isinstance(one, str) else None for one in own["prediction"]]
    known = {one: code for code, one in enumerate(sorted({a for a in answers if a is not None}))}
    score, answer = np.zeros(shape), np.full(shape, -1)
    score[rows, columns, places] = own["score"].to_numpy(dtype=np.float64)
    answer[rows, columns, places] = [-1 if one is None else known[one] for one in answers]
    present = np.zeros(shape[:2], dtype=np.bool_)
    present[rows, columns] = True
    return DrawnCells(score, answer, present)


def sample_level(cells: DrawnCells, rows: Integers, seed: int, resamples: int) -> Sampled | None:
    """What some variants' draws say; None where they have none.

    Args:
        cells: a task's draws.
        rows: the variants of a level.
        seed: from which the resamples follow.
        resamples: how often examples are drawn.
    """
    own = DrawnCells(cells.score[rows], cells.answer[rows], cells.present[rows])
    if not own.present.any():
        return None
    ratios = {**_variances(own), **_pass_rates(own), **_agreements(own)}
    rng = np.random.default_rng(seed)
    counts = np.concatenate(list(draw_counts(rng, own.present.shape[1], resamples)))
    return Sampled(
        repeats=own.score.shape[2],
        cells=int(own.present.sum()),
        values={name: _ratio(*parts) for name, parts in ratios.items()},
        resampled={
            name: _ratios(counts @ above, counts @ below) for name, (above, below) in ratios.items()
        },
    )


def sample_tasks(
    grids: Mapping[str, Grid], draws: pd.DataFrame, seed: int, resamples: int
) -> dict[str, dict[str, Sampled]]:
    """Task -> level -> what its draws say, for what was sampled."""
    found: dict[str, dict[str, Sampled]] = {}
    for task, grid in grids.items():
        cells = drawn_cells(grid, draws)
        for level in in_level_order(grid.levels) if cells else ():
            own = stable_hash(seed, "draws", task, level)
            sampled = cells and sample_level(cells, grid.rows(level=level), own, resamples)
            if sampled:
                found.setdefault(task, {})[level] = sampled
    return found


def mean_over_tasks(tasks: Mapping[str, Mapping[str, Sampled]]) -> dict[str, Sampled]:
    """Level -> the mean over the tasks that have it."""
    levels = in_level_order(level for own in tasks.values() for level in own)
    return {
        level: mean_sampled([own[level] for own in tasks.values() if level in own])
        for level in levels
    }


def write_levels(
    levels: Mapping[str, Sampled], groups: Mapping[str, GroupStats], confidence: float
) -> dict[str, SamplingStats]:
    """Each level's record, beside its accuracy."""
    return {
        level: write_sampled(one, groups[level].accuracy, confidence)
        for level, one in levels.items()
    }


def mean_sampled(tasks: Sequence[Sampled]) -> Sampled:
    """The plain mean over tasks of each measure, where it is defined; cells are added up."""
    known = {
        name: [one for one in tasks if np.isfinite(one.values[name])] for name in tasks[0].values
    }
    return Sampled(
        repeats=max(one.repeats for one in tasks),
        cells=sum(one.cells for one in tasks),
        values={n: float(np.mean([one.values[n] for one in k or tasks])) for n, k in known.items()},
        resampled={
            n: np.mean([one.resampled[n] for one in k or tasks], axis=0) for n, k in known.items()
        },
    )


def write_sampled(sampled: Sampled, pass_at_1: Quantity | None, confidence: float) -> SamplingStats:
    """A record of summary.json; `pass_at_1` is the level's accuracy."""
    quantities = {name: _quantity(sampled, name, confidence) for name in _MEASURES}
    parts = [quantities[name] for name in ("sampling_variance", "phrasing_variance")]
    total = sum(part.value for part in parts if part)
    share = parts[1].value / total if parts[0] and parts[1] and total > 0 else None
    return SamplingStats(
        repeats=sampled.repeats,
        cells=sampled.cells,
        pass_at_1=pass_at_1,
        phrasing_share=None if share is None else rounded(share),
        **quantities,
    )


def _quantity(sampled: Sampled, name: str, confidence: float) -> Quantity | None:
    """A value with its percentile interval; a variance is at least 0."""
    value = sampled.values[name]
    if not np.isfinite(value):
        return None
    known = sampled.resampled[name][np.isfinite(sampled.resampled[name])]
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail]) if len(known) else (value, value)
    return Quantity(
        rounded(max(value, 0.0)), (rounded(max(low, 0.0)), rounded(max(high, low, 0.0)))
    )


def _variances(cells: DrawnCells) -> Ratios:
    repeats, there = cells.score.shape[2], cells.present
    count = there.sum(axis=0).astype(np.float64)
    mean = np.where(there, cells.score.mean(axis=2), 0.0)
    centre = mean.sum(axis=0) / np.maximum(count, 1)
    between = (np.where(there, mean - centre, 0.0) ** 2).sum(axis=0)
    free = np.maximum(count - 1, 0)
    if repeats < 2:
        return {
            "sampling_variance": (count * 0, count * 0),
            "phrasing_variance": (free * 0, free * 0),
        }
    within = np.where(there, cells.score.var(axis=2, ddof=1), 0.0).sum(axis=0)
    of_sampling = free / np.maximum(count, 1) * within / repeats
    return {
        "sampling_variance": (within, count),
        "phrasing_variance": (between - of_sampling, free),
    }


def _pass_rates(cells: DrawnCells) -> Ratios:
    """Whether any draw of a cell is right (pass@R), and whether all are."""
    right = cells.score >= RIGHT_FROM
    count = cells.present.sum(axis=0).astype(np.float64)
    passed = {"pass_any": right.any(axis=2), "pass_all": right.all(axis=2)}
    return {
        name: ((one & cells.present).sum(axis=0).astype(np.float64), count)
        for name, one in passed.items()
    }


def _agreements(cells: DrawnCells) -> Ratios:
    """How often two draws of a cell agree, and two draws of two variants on one example."""
    repeats, examples = cells.score.shape[2], cells.present.shape[1]
    above, below = np.zeros((2, examples)), np.zeros((2, examples))
    for n in range(examples):
        drawn = cells.answer[cells.present[:, n], n]  # [k, R]
        if not len(drawn):
            continue
        counts = np.stack(
            [(drawn == code).sum(axis=1) for code in np.unique(drawn)]
        )  # [answers, k]
        same = float((counts * (counts - 1)).sum())
        above[0, n], below[0, n] = same, len(drawn) * repeats * (repeats - 1)
        everywhere = counts.sum(axis=1)
        above[1, n] = float((everywhere**2).sum() - (counts**2).sum())
        below[1, n] = len(drawn) * (len(drawn) - 1) * repeats**2
    return {
        "agreement_of_draws": (above[0], below[0]),
        "agreement_of_variants": (above[1], below[1]),
    }


def _ratio(above: Floats, below: Floats) -> float:
    return float(above.sum() / below.sum()) if below.sum() > 0 else float("nan")


def _ratios(above: Floats, below: Floats) -> Floats:
    found = np.full(len(below), np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found
