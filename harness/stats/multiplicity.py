"""Holm's correction: p values that stay honest when several hypotheses are tested at once."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values in the given order (Holm 1979, Scandinavian Journal of Statistics 6(2)).

    The i-th smallest of m is multiplied by m - i + 1, made monotone and cut at 1. Rejecting where
    the adjusted value is below alpha keeps the chance of any false rejection below alpha, however
    the tests depend on each other. NaN stays NaN and does not count as a test.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = largest
    return adjusted
