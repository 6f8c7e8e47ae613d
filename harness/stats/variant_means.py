"""Each variant's accuracy where it was asked on a part of the examples.

A variant's mean over its own cells is lucky or unlucky with the examples that it was asked on. How
hard an example is shows in what others answered to it, which is what takes that luck off: with x
the mean of the other cells of an example,

    A_v = mean over own cells of y + b (mean over all examples of x - mean over own cells of x)

is the difference estimator of model-assisted survey sampling where b = 1, and the regression
estimator where b is fitted, as here, to all variants at once (Särndal, Swensson & Wretman 1992,
Model Assisted Survey Sampling, chapter 6). The fit matters where few others were asked: their mean
is then noisy, and b = 1 would carry that noise over. A variant that was asked on every example has
the mean of its own cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Booleans, Floats, ratio


@dataclass(frozen=True, slots=True)
class VariantMeans:
    """The accuracies of K variants on N examples, and how far they may be off."""

    means: Floats
    """Estimated A_v on these very examples [K]; without bias, so some may lie outside [0, 1]."""
    missing: Floats
    """Variances of the errors that holes bring [K]; 0 where a variant has every example."""
    sampled: Floats
    """Variances of each variant's own luck [K] where the examples are themselves a sample."""
    common: float
    """Variance of the luck with the sample of examples that all variants share."""
    examples: int


def estimate_variant_means(
    values: Floats, present: Booleans, others: Floats | None = None
) -> VariantMeans:
    """Each variant's mean over all examples.

    Args:
        values: cell values [K, N]; whatever stands in missing cells is not read.
        present: which cells are there [K, N]; every variant and every example has one at least.
        others: what other cells say of an example, beside each cell [K, N], NaN where nothing;
            default: the mean of the other variants' values.
    """
    values = np.where(present, values, 0.0)
    counts, examples = present.sum(axis=1), present.shape[1]
    own = values.sum(axis=1) / counts
    told = leave_out_means(values, present) if others is None else others
    told = np.where(np.isnan(told), np.nanmean(told) if np.isfinite(told).any() else 0.0, told)
    expected = ratio(np.where(present, told, 0.0).sum(axis=1), counts)
    apart = np.where(present, told - expected[:, None], 0.0)
    rest = np.where(present, values - own[:, None], 0.0)
    slope = _slope(apart, rest)
    rest -= slope * apart
    variance = float((rest**2).sum()) / max(int((counts - 1).sum()) - 1, 1)
    complete = counts == examples
    means = np.where(complete, own, own + slope * (told.mean(axis=1) - expected))
    return VariantMeans(
        means=means,
        missing=np.where(complete, 0.0, (1 - counts / examples) * variance / counts),
        sampled=variance / counts,
        common=_common_variance(np.where(present, values - means[:, None], 0.0), counts),
        examples=examples,
    )


def leave_out_means(values: Floats, present: Booleans) -> Floats:
    """For each cell [K, N] the mean of the other cells of its example; NaN where there are none.

    Example:
        >>> import numpy as np
        >>> values = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> leave_out_means(values, np.ones((3, 2), dtype=bool))
        array([[0.5, 1. ],
               [0.5, 0.5],
               [1. , 0.5]])
    """
    there = present.astype(np.float64)
    total, count = (values * there).sum(axis=0), there.sum(axis=0)
    return ratio(total - values * there, count - there)


def _slope(apart: Floats, rest: Floats) -> float:
    """How much of what others say holds for a variant: least squares over all, at least 0."""
    square = float((apart**2).sum())
    return max(float((apart * rest).sum()) / square, 0.0) if square > 0 else 0.0


def _common_variance(rest: Floats, counts: Floats) -> float:
    """Variance of the mean over variants that follows from the examples' having been drawn."""
    examples = rest.shape[1]
    if examples < 2:
        return 0.0
    moved: Floats = (rest / counts[:, None]).mean(axis=0)
    return float(examples / (examples - 1) * (moved @ moved))
