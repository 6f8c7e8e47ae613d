"""Answers that change from the clean instruction to its variant, on the same example."""

from __future__ import annotations

from dataclasses import dataclass

from harness.metrics.accuracy import accuracy
from harness.metrics.grid import Answers
from harness.stats.arrays import Booleans, Floats
from harness.stats.paired import count_changes


@dataclass(frozen=True, slots=True)
class Flips:
    """How often answers changed, and in which direction their correctness did."""

    rate: float
    """Mean over prompts of the share of examples with another answer than the clean prompt's."""
    right_to_wrong: int
    wrong_to_right: int

    @property
    def net(self) -> int:
        """Cells lost: right to wrong, less wrong to right."""
        return self.right_to_wrong - self.wrong_to_right


def count_flips(
    score: Floats, answer: Answers, clean_score: Floats, clean_answer: Answers, matched: Booleans
) -> Flips:
    """Flips in the cells [K, N] that are matched with a clean one; the rate is NaN without any.

    Example:
        >>> import numpy as np
        >>> clean, after = np.array([[1.0, 1.0, 0.0]]), np.array([[1.0, 0.0, 1.0]])
        >>> answers = np.array([[0, 1, 1]], dtype=np.int16)
        >>> flips = count_flips(after, answers, clean, 1 - answers, np.ones((1, 3), dtype=bool))
        >>> flips.right_to_wrong, flips.wrong_to_right
        (1, 1)
    """
    rows = matched.any(axis=1)
    rate = accuracy((answer != clean_answer)[rows].astype(float), matched[rows])
    gained, lost = count_changes(clean_score[matched], score[matched])
    return Flips(rate, right_to_wrong=lost, wrong_to_right=gained)
