"""Variance parts to plan with before any run is there.

They are set so that a level's drop has the standard error that was measured on real answers: the
bundled model on sentiment and topic, content-free calibration, 6 instructions with 20 variants on
80 examples, 18,960 cells. There it was 1.1 to 1.2 points for one level, and 1.4 to 1.6 times as
much with a fifth of the cells. Models differ: one run says more.
"""

from __future__ import annotations

from typing import Final

from harness.stats.planning import Question
from harness.stats.prediction import CellVariance

VARIANTS: Final = 5
"""Per instruction and level: the size of a core set."""
_CELL: Final = {
    "instructions": 0.002,
    "variants": 0.005,
    "examples": 0.020,
    "meetings": 0.020,
    "cells": 0.550,
}
"""Parts of a drop's variance, as shares of p (1 - p) of the clean accuracy p."""
_LOST, _GAINED = 0.4, 0.2
"""Shares of cells lost and gained, as shares of p (1 - p)."""
_DIFFERENCE: Final = {
    "instructions": 0.010,
    "variants": 0.080,
    "examples": 0.800,
    "meetings": 0.060,
    "cells": 0.600,
}
"""The same of the difference between a model and what was tuned from it: the bundled one and its
SST-2 tune on five starter tasks and three of GLUE, two instructions each, all levels. Of the
instructions' part so few say little: 0 to 0.04 came out."""
_WON: Final = 0.75
"""Share of cells that only one of two such models has right, for each of them."""


def typical_drops(
    accuracy: float,
    *,
    levels: int = 4,
    tasks: int = 1,
    variants: int = VARIANTS,
    confidence: float = 0.95,
) -> tuple[Question, ...]:
    """The drops of so many levels as a run of a typical model on typical tasks would measure them.

    Args:
        accuracy: clean accuracy that is expected.
        levels: whose drops are tested beside each other.
        tasks: over which each drop is a mean.
        variants: per instruction and level.
        confidence: of the tests.
    """
    unit = accuracy * (1 - accuracy)
    scaled = {name: share * unit for name, share in _CELL.items()}
    flows = (_LOST * unit, _GAINED * unit)
    parts = CellVariance(**scaled, mean=flows[0] - flows[1], flows=flows)
    one = Question(
        "any", (parts,) * tasks, (variants,) * tasks, tests=levels, confidence=confidence
    )
    return (one,) * levels


def typical_difference(
    accuracy: float,
    *,
    levels: int = 4,
    tasks: int = 1,
    variants: int = VARIANTS,
    confidence: float = 0.95,
) -> Question:
    """The difference between two related models over so many perturbed levels, one test.

    Args:
        accuracy: of both, about.
        levels: that count alike in it.
        tasks: over which it is a mean.
        variants: per instruction and level.
        confidence: of the test.
    """
    unit = accuracy * (1 - accuracy)
    scaled = {name: share * unit for name, share in _DIFFERENCE.items()}
    parts = CellVariance(**scaled, flows=(_WON * unit, _WON * unit))
    return Question("perturbed", (parts,) * tasks, (levels * variants,) * tasks,
                    confidence=confidence)  # fmt: skip
