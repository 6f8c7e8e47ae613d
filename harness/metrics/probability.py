"""What probability a model gives each label, from the likelihoods that its answers come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from harness.metrics.grid import UNPARSED, Grid
from harness.stats.arrays import Singles

_NEAR: Final = 1e-4
"""Two probabilities as near as stored scores' rounding can bring them."""


def label_probabilities(
    grid: Grid, priors: Mapping[str, Mapping[str, float]] | None = None
) -> Singles | None:
    """The probability of each of the task's labels in each cell, among them alone.

    p_l = exp(s_l) / sum over labels m of exp(s_m), where s is the label's log-likelihood less its
    prior: the softmax over what the scorer compares. Where an answer was chosen by something else
    (likelihood per token, for one) these are not the probabilities behind it, and there are none.

    Args:
        grid: a task's cells, with likelihoods.
        priors: variant -> label -> its log-probability without content, for the scorer that takes
            it off.

    Returns:
        [K, N, labels of the task]: shares that sum to 1, NaN where a cell has none; None without
        likelihoods, or where answers are not the likeliest labels.
    """
    if grid.likelihood is None or grid.is_open:
        return None
    labels = grid.labels[: grid.likelihood.shape[2]]
    scores = grid.likelihood - _prior_array(grid.variants, labels, priors or {})[:, None, :]
    with np.errstate(invalid="ignore", over="ignore"):
        raised = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares: Singles = raised / raised.sum(axis=2, keepdims=True)
    return shares if _decide(grid, shares) else None


def _prior_array(
    variants: tuple[str, ...],
    labels: tuple[str, ...],
    priors: Mapping[str, Mapping[str, float]],
) -> Singles:
    rows = [[priors.get(one, {}).get(label, 0.0) for label in labels] for one in variants]
    return np.array(rows, dtype=np.float32).reshape(len(variants), len(labels))


def _decide(grid: Grid, shares: Singles) -> bool:
    """Whether every answer is a label that no other is likelier than."""
    scored = grid.present & np.isfinite(shares).all(axis=2) & (grid.answer != UNPARSED)
    if not scored.any():
        return False
    answer = grid.answer[scored].astype(np.int64)
    if answer.max() >= shares.shape[2]:
        return False
    of_cells = shares[scored]
    chosen = np.take_along_axis(of_cells, answer[:, None], axis=1)[:, 0]
    return bool((chosen >= of_cells.max(axis=1) - _NEAR).all())
