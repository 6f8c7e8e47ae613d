"""Between which half-widths single runs of one design will fall.

An interval's width is itself a draw. Of G instructions a run finds their part of the variance times
chi-square over G - 1, and of its examples theirs times chi-square over what the examples that lose
or gain something leave of degrees of freedom: where one answer in forty changes, a handful of
examples makes the width. Both draws are put through what `harness.stats.prediction` makes of them,
on a grid of quantiles, and the range holds the middle of what comes out. Where the variances were
measured on a run and are not known, that run's draws stand below the line: quantiles are those of
F. Over T tasks degrees of freedom add up.

The constants are chosen by simulation (`benchmarks/predictions.py`): 80 % of single runs lie in the
range that is said to hold four of five.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.estimate import Interval, mean_of
from harness.stats.prediction import CellVariance, Drawn, Size, half_width, predict_drawn

HELD: Final = 0.8
"""The share of single runs that the range holds."""
_GRID: Final = (np.arange(11) + 0.5) / 11
_PER_CHANGE: Final = 1.2
"""Degrees of freedom of the examples' part per example that changes, about."""
_FEWEST: Final = 2.0
_BELOW: Final = (4.0, 0.3)
"""How many times its own degrees of freedom the prompts' and the examples' part of a measured run
counts with: the larger run holds its instructions, and its noise comes on top of its examples'."""


def half_width_range(
    parts: Sequence[CellVariance],
    sizes: Sequence[Size],
    confidence: float,
    *,
    measured_on: Sequence[Size] = (),
) -> Interval:
    """Half-widths between which four of five runs fall; NaN where there is no interval.

    Args:
        parts: the variances of a cell, per task.
        sizes: of the run, per task.
        confidence: of the interval over all tasks.
        measured_on: the sizes of what the variances were measured on, per task; none where they
            are taken as known.

    Example:
        >>> parts = CellVariance(0.002, 0, 0.02, 0.02, 0.2, flows=(0.1, 0.05))
        >>> low, high = half_width_range([parts], [Size(6, 5, 100)], 0.95)
        >>> round(100 * low, 1), round(100 * high, 1)
        (4.0, 8.4)
    """
    widths = [
        _width(parts, sizes, Drawn(of_prompts, of_examples), confidence)
        for of_prompts in _draws(_of_prompts(sizes), _BELOW[0] * _of_prompts(measured_on))
        for of_examples in _draws(
            _of_examples(parts, sizes), _BELOW[1] * _of_examples(parts, measured_on)
        )
    ]
    low, high = np.quantile(widths, [(1 - HELD) / 2, (1 + HELD) / 2])
    return float(low), float(high)


def _width(
    parts: Sequence[CellVariance], sizes: Sequence[Size], drawn: Drawn, confidence: float
) -> float:
    pairs = zip(parts, sizes, strict=True)
    return half_width(mean_of([predict_drawn(one, size, drawn) for one, size in pairs]), confidence)


def _of_prompts(sizes: Sequence[Size]) -> float:
    return float(sum(size.clusters - 1 for size in sizes))


def _of_examples(parts: Sequence[CellVariance], sizes: Sequence[Size]) -> float:
    def own(part: CellVariance, size: Size) -> float:
        changes = 1.0 if part.flows is None else _PER_CHANGE * sum(part.flows)
        return max(min(size.examples - 1, changes * size.examples), _FEWEST)

    return math.fsum(own(part, size) for part, size in zip(parts, sizes, strict=False))


def _draws(df: float, below: float) -> Floats:
    """Quantiles of the factor by which a part of the variance is found larger than it is."""
    from scipy.special import chdtri, fdtri

    df = max(df, 1.0)
    if below == 0:
        return np.asarray(chdtri(df, 1 - _GRID) / df, dtype=np.float64)
    return np.asarray(fdtri(df, max(below, 1.0), _GRID), dtype=np.float64)
