"""How much accuracy falls from the clean instruction to its variants.

Each variant is compared with the clean prompt of its own instruction on the same examples:
`score` and `clean` are [K, N], `matched` [K, N] says where both are there.
"""

from __future__ import annotations

import math

import numpy as np

from harness.metrics.accuracy import prompt_accuracies
from harness.stats.arrays import Booleans, Floats, Integers, family_weights, ratio


def matched_accuracies(
    score: Floats, clean: Floats, matched: Booleans, families: Integers | None = None
) -> tuple[float, float]:
    """The clean and the perturbed accuracy whose difference is `drop`, of the same cells.

    NaN where no cell is matched.

    Example:
        >>> import numpy as np
        >>> score, clean = np.array([[1.0, 0.0, 1.0, 0.0]]), np.array([[1.0, 1.0, 1.0, 0.0]])
        >>> found = matched_accuracies(score, clean, np.ones((1, 4), dtype=bool))
        >>> [float(one) for one in found or ()]
        [0.75, 0.5]
    """
    if not matched.any():
        return math.nan, math.nan
    own = np.arange(len(matched)) if families is None else families
    weights = family_weights(matched, own)
    return float((weights * clean).sum()), float((weights * score).sum())


def relative_drops(clean: Floats, attacked: Floats) -> Floats:
    """1 - attacked / clean for accuracies [K] on any one scale; NaN where clean is 0 or unknown.

    Example:
        >>> import numpy as np
        >>> relative_drops(np.array([0.8, 0.5]), np.array([0.6, 0.5])).round(3)
        array([0.25, 0.  ])
    """
    return 1 - ratio(attacked, clean)


def chance_adjusted_drop_rates(
    score: Floats,
    clean: Floats,
    matched: Booleans,
    chance: float,
    clean_present: Booleans | None = None,
) -> Floats:
    """(A_0 - A_k) / (A_0 - c): [K], the lost share of what was above chance.

    NaN where A_0 is not above chance c, since nothing was there to be lost. A_0 below the line is
    that of all clean cells, where `clean_present` says which there are: a ratio of two means of a
    few cells would be off on average.
    """
    lost = prompt_accuracies(clean, matched) - prompt_accuracies(score, matched)
    before = prompt_accuracies(clean, matched if clean_present is None else clean_present)
    return ratio(lost, np.maximum(before - chance, 0.0))
