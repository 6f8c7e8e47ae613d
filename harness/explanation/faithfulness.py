"""Whether an explanation holds: the checks of single cells, summed up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.explanation.measures import Observation, mean_of, observe, ratio_of
from harness.explanation.store import Key
from harness.explanation.values import PairValues
from harness.results.explanation import Faithfulness
from harness.results.quantity import Quantity

Checks = Mapping[Key, Mapping[str, float]]


def measure_faithfulness(
    pairs: Sequence[PairValues], checks: Checks, confidence: float
) -> Faithfulness | None:
    """The checks of explained cells with intervals over examples and instructions.

    Args:
        pairs: The explained pairs, whose perturbed cells were checked, or some of them.
        checks: What was found, by cell.
        confidence: Of intervals.

    Returns:
        None where nothing was checked.
    """
    checked = [one for one in pairs if one.pair.key in checks]
    if not checked:
        return None

    def values(name: str) -> list[Observation]:
        return [observe(one, checks[one.pair.key].get(name, math.nan)) for one in checked]

    def agreement(name: str) -> Quantity | None:
        found = mean_of(values(name), "ratio", confidence)
        if found is None or found.interval is None:
            return found
        low, high = found.interval
        return Quantity(found.value, (max(low, -1.0), min(high, 1.0)))

    others = [one.value for one in values("others")]
    return Faithfulness(
        cells=len(checked),
        ratio=ratio_of(values("top"), others, confidence),
        shuffled=agreement("shuffled"),
        integrated=agreement("integrated"),
        deletion=agreement("deletion"),
    )
