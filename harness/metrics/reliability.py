"""Reliability: whether the probability of an answer says how often such answers are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.core.records import in_level_order, stable_hash
from harness.metrics.grid import Grid
from harness.metrics.group_stats import rounded, write_quantity
from harness.metrics.probability import label_probabilities
from harness.results.quantity import Quantity
from harness.results.reliability import Reliability, ReliabilityBin
from harness.stats.arrays import Booleans, Floats, Integers, prompt_weights
from harness.stats.bootstrap import draw_counts
from harness.stats.estimate import Estimate, Kind, mean_of
from harness.stats.twoway import FEWEST, estimate, influence_of_mean

BINS: Final = 10
"""Of equal width; a probability on an edge belongs to the upper one."""
RESAMPLES: Final = 500


@dataclass(frozen=True, slots=True)
class _Measured:
    """One level of one task."""

    gold_probability: Estimate
    brier: Estimate
    ece: float
    expected: float
    drawn: Floats  # [RESAMPLES], the error in resamples
    cells: Integers  # [BINS]
    probability: Floats  # [BINS], summed over the cells of a bin
    right: Floats  # [BINS], likewise


def describe_reliability(
    grids: Mapping[str, Grid],
    priors: Mapping[str, Mapping[str, float]],
    *,
    seed: int,
    confidence: float,
) -> tuple[dict[str, Reliability], dict[str, dict[str, Reliability]]]:
    """Each level's reliability, as the plain mean over tasks, and each task's.

    Tasks whose answers come from no probabilities have none.

    Args:
        grids: the tasks' cells.
        priors: as for `label_probabilities`.
        seed: of the run; from it follow the resamples.
        confidence: of the intervals.
    """
    measured = {name: _measure_task(grid, priors, seed) for name, grid in grids.items()}
    by_task = {
        name: {level: _write([one], confidence) for level, one in levels.items()}
        for name, levels in measured.items()
    }
    found = in_level_order(level for levels in measured.values() for level in levels)
    over_tasks = {
        level: _write(
            [levels[level] for levels in measured.values() if level in levels], confidence
        )
        for level in found
    }
    return over_tasks, by_task


def brier_scores(shares: Floats, gold: Integers) -> Floats:
    """Per cell the sum over labels of (p_l - 1 where l is the gold label)^2, from 0 to 2.

    Brier 1950, Monthly Weather Review 78, as it stands there, over all classes.

    Args:
        shares: probabilities [K, N, labels].
        gold: codes of the right labels [N].

    Example:
        >>> import numpy as np
        >>> brier_scores(np.array([[[0.8, 0.2]]]), np.array([0])).round(2).tolist()
        [[0.08]]
    """
    truth = np.eye(shares.shape[2])[gold]  # [N, labels]
    return np.asarray(((shares - truth) ** 2).sum(axis=2))


def expected_calibration_error(probability: Floats, right: Floats) -> float:
    """The mean distance between probability and accuracy, bin by bin, weighted by cells.

    ECE = sum over bins b of |sum in b of (right - probability)| / n (Naeini et al. 2015; Guo et al.
    2017, arXiv 1706.04599, eq. 3), with `BINS` bins of equal width.

    Args:
        probability: of each cell's answer [n].
        right: 1 where it is right, else 0 [n].

    Example:
        >>> import numpy as np
        >>> expected_calibration_error(np.array([0.95, 0.95, 0.65, 0.65]), np.array([1, 0, 1, 0.0]))
        0.3
    """
    gaps = _sum_by_bin(_bin_of(probability), right - probability)
    return round(float(np.abs(gaps).sum() / len(probability)), 12)


def _bin_of(probability: Floats) -> Integers:
    # A probability of .7 may be stored as .69999999.
    return np.minimum((probability * BINS + 1e-6).astype(np.int64), BINS - 1)


def _sum_by_bin(places: Integers, values: Floats) -> Floats:
    summed = np.bincount(places, weights=values, minlength=BINS)
    return np.asarray(summed, dtype=np.float64)


def _measure_task(
    grid: Grid, priors: Mapping[str, Mapping[str, float]], seed: int
) -> dict[str, _Measured]:
    shares = label_probabilities(grid, priors)
    if shares is None:
        return {}
    known = grid.present & np.isfinite(shares).all(axis=2)
    known &= (grid.gold >= 0) & (grid.gold < shares.shape[2])
    rng = np.random.default_rng(stable_hash(seed, "reliability", grid.task))
    measured = {}
    for level in in_level_order(grid.levels):
        rows = grid.rows(level=level)
        rows = rows[known[rows].any(axis=1)]
        if len(rows):
            measured[level] = _measure(
                grid, rows, shares[rows].astype(np.float64), known[rows], rng
            )
    return measured


def _measure(
    grid: Grid, rows: Integers, shares: Floats, there: Booleans, rng: np.random.Generator
) -> _Measured:
    gold = np.clip(grid.gold, 0, shares.shape[2] - 1)
    shares = np.where(there[:, :, None], shares, 0.0)
    of_gold = np.take_along_axis(shares, gold[None, :, None], axis=2)[:, :, 0]
    probability, right = shares.max(axis=2), grid.score[rows].astype(np.float64)
    families, texts = grid.families[rows], grid.texts[rows]
    weights = prompt_weights(there)

    def mean(values: Floats, kind: Kind) -> Estimate:
        influence = influence_of_mean(np.where(there, values, 0.0), weights)
        return estimate(influence, families, kind=kind, texts=texts)

    places, own, hits = _bin_of(probability[there]), probability[there], right[there]
    spread = _sum_by_bin(places, own * (1 - own))
    return _Measured(
        gold_probability=mean(of_gold, "share"),
        brier=mean(brier_scores(shares, gold), "ratio"),
        ece=expected_calibration_error(own, hits),
        expected=float(np.sqrt(2 / np.pi * spread).sum() / len(own)),
        drawn=_resample(probability, right, there, families, rng),
        cells=np.bincount(places, minlength=BINS),
        probability=_sum_by_bin(places, own),
        right=_sum_by_bin(places, hits),
    )


def _resample(
    probability: Floats,
    right: Floats,
    there: Booleans,
    families: Integers,
    rng: np.random.Generator,
) -> Floats:
    """The error in resamples of examples and, from three on, of instructions [RESAMPLES]."""
    examples = np.concatenate(list(draw_counts(rng, there.shape[1], RESAMPLES)))
    distinct, codes = np.unique(families, return_inverse=True)
    prompts = np.ones((RESAMPLES, len(families)), dtype=np.float32)
    if len(distinct) >= FEWEST:
        prompts = np.concatenate(list(draw_counts(rng, len(distinct), RESAMPLES)))[:, codes]
    gaps = np.where(there, right - probability, 0.0).astype(np.float32)
    places = _bin_of(probability)
    total = np.zeros(RESAMPLES)
    for number in range(BINS):
        of_bin = np.where(there & (places == number), gaps, np.float32(0))
        total += np.abs(((examples @ of_bin.T) * prompts).sum(axis=1))
    cells = ((examples @ there.T.astype(np.float32)) * prompts).sum(axis=1)
    drawn: Floats = total / np.maximum(cells, 1.0)
    return drawn


def _write(tasks: Sequence[_Measured], confidence: float) -> Reliability:
    cells = np.sum([one.cells for one in tasks], axis=0)
    probability = np.sum([one.probability for one in tasks], axis=0)
    right = np.sum([one.right for one in tasks], axis=0)
    return Reliability(
        gold_probability=write_quantity(
            mean_of([one.gold_probability for one in tasks]), confidence
        ),
        brier=write_quantity(mean_of([one.brier for one in tasks]), confidence),
        ece=_write_error(tasks, confidence),
        ece_expected=rounded(float(np.mean([one.expected for one in tasks]))),
        bins=[
            ReliabilityBin(rounded(p / n), rounded(hits / n), int(n))
            for n, p, hits in zip(cells, probability, right, strict=True)
            if n
        ],
        cells=int(np.sum(cells)),
    )


def _write_error(tasks: Sequence[_Measured], confidence: float) -> Quantity:
    """The mean error over tasks, with the bootstrap's basic interval.

    Resampling adds the same upward bias again that a sum of absolute values has, so the resampled
    distances are turned round the value (Davison and Hinkley 1997, section 5.2).
    """
    value = float(np.mean([one.ece for one in tasks]))
    drawn = np.mean([one.drawn for one in tasks], axis=0)
    tail = (1 - confidence) / 2
    upper, lower = np.quantile(drawn, [1 - tail, tail])
    low, high = (min(max(2 * value - float(end), 0.0), 1.0) for end in (upper, lower))
    return Quantity(rounded(value), (rounded(low), rounded(high)))
