"""Spearman's rank correlation of two values per cell, with a two-way bootstrap interval.

Cells share their prompt and their example with others, so both are resampled at once ("pigeonhole",
Owen 2007, Annals of Applied Statistics 1(2)): a cell counts as often as its prompt was drawn times
as often as its example was. Ranks are taken anew in every resample, ties get their mean rank. Such
an interval is rather too wide than too narrow, as cells' own noise is counted in both draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.stats.arrays import Floats, Integers
from harness.stats.bootstrap import draw_counts
from harness.stats.estimate import Interval
from harness.stats.twoway import FEWEST

RESAMPLES: Final = 1000
_CHUNK_CELLS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Clusters:
    """What cells are drawn with: codes from 0 on [n] each."""

    prompts: Integers
    """The instruction, or the variant where instructions are few."""
    examples: Integers


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rho of two values per cell [n]; NaN where one of them does not vary.

    Example:
        >>> import numpy as np
        >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.3, 0.2]))
        0.5
    """
    return float(_weighted(first, second, np.ones((1, len(first))))[0])


def correlation_interval(
    first: Floats,
    second: Floats,
    clusters: Clusters,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """The percentile interval of Spearman's rho.

    Args:
        first: a value per cell [n].
        second: another one [n].
        clusters: which cells are drawn together; prompts are taken as given where there are fewer
            than three.
        rng: where they are drawn from.
        confidence: of the interval.
        resamples: how often to draw.

    Returns:
        None where fewer than three examples are there, or resamples do not vary.
    """
    examples = int(clusters.examples.max(initial=-1)) + 1
    prompts = int(clusters.prompts.max(initial=-1)) + 1
    if examples < FEWEST:
        return None
    drawn = np.concatenate(list(draw_counts(rng, examples, resamples)))
    weights = drawn[:, clusters.examples].astype(np.float64)
    if prompts >= FEWEST:
        weights *= np.concatenate(list(draw_counts(rng, prompts, resamples)))[:, clusters.prompts]
    step = max(1, _CHUNK_CELLS // max(len(first), 1))
    found = np.concatenate(
        [_weighted(first, second, weights[at : at + step]) for at in range(0, resamples, step)]
    )
    finite = found[np.isfinite(found)]
    if len(finite) < resamples // 2:
        return None
    low, high = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _weighted(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Spearman's rho under each row of weights [B, n]: as if a cell stood there so often."""
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = (
            ranks - (weights * ranks).sum(axis=1, keepdims=True) / total
            for ranks in (_ranks(first, weights), _ranks(second, weights))
        )
        shared = (weights * one * other).sum(axis=1)
        spread = (weights * one**2).sum(axis=1) * (weights * other**2).sum(axis=1)
        rho: Floats = shared / np.sqrt(np.where(spread > 0, spread, math.nan))
    return rho.clip(-1, 1)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """[B, n] mean ranks of values [n] of which each stands there as often as its weight says."""
    distinct, codes = np.unique(values, return_inverse=True)
    held = np.zeros((len(weights), len(distinct)))
    np.add.at(held.T, codes, weights.T)
    below = held.cumsum(axis=1) - held
    ranks: Floats = (below + (held + 1) / 2)[:, codes]
    return ranks
