"""The reliability of probabilities, as it stands in summary.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from harness.results.quantity import Count, Fraction, Ratio, Share, as_written


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers whose probability lies in one tenth of [0, 1]."""

    probability: Fraction
    """Their mean probability."""
    accuracy: Fraction
    cells: Count


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether an answer's probability among the labels says how often such answers are right."""

    gold_probability: Share | None
    """The mean probability of the right label."""
    brier: Ratio | None
    """The mean Brier score over all labels, from 0 (sure and right) to 2 (sure and wrong)."""
    ece: Share | None
    """The expected calibration error: the mean distance of probability and accuracy, by bins."""
    ece_expected: Fraction
    """What chance alone would make of it, were probabilities right and cells independent."""
    bins: list[ReliabilityBin]
    """Those that hold cells, the lowest first."""
    cells: Count


ReliabilityStats: TypeAlias = Annotated[Reliability, as_written(Reliability)]
