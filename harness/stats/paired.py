"""Exact tests of paired right and wrong answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Booleans, Floats


@dataclass(frozen=True, slots=True)
class SignTest:
    """How many pairs went each way, and how surprising that is if both ways are as likely."""

    better: int
    worse: int
    p: float


def mcnemar(first_right: Booleans, second_right: Booleans) -> SignTest:
    """The exact McNemar test of one prompt or run against another on the same examples [N].

    `better` counts examples that only the second gets right, `worse` those that only the first
    does. p is two-sided binomial with probability 1/2 over these (McNemar 1947, exact form).

    Example:
        >>> import numpy as np
        >>> first = np.array([True] * 9 + [False])
        >>> second = np.array([True] * 3 + [False] * 7)
        >>> mcnemar(first, second)
        SignTest(better=0, worse=6, p=0.03125)
    """
    better = int((second_right & ~first_right).sum())
    worse = int((first_right & ~second_right).sum())
    return SignTest(better, worse, sign_test_p(better, worse))


def example_sign_test(differences: Floats) -> SignTest:
    """The exact sign test of per-example differences [N]; ties do not count.

    With one prompt this is McNemar's test. With several, an example's mean over prompts is one
    observation, so that what its cells share is counted once.
    """
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return SignTest(better, worse, sign_test_p(better, worse))


def sign_test_p(better: int, worse: int) -> float:
    """The two-sided exact binomial p value of `better` against `worse` at probability 1/2.

    Example:
        >>> round(sign_test_p(better=9, worse=1), 4)
        0.0215
    """
    if better + worse == 0:
        return 1.0
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(better, worse), better + worse, 0.5)))


def count_changes(first: Floats, second: Floats) -> tuple[int, int]:
    """Cells that went from wrong to right and from right to wrong, of scores in [0, 1]."""
    return int(np.sum(second > first)), int(np.sum(second < first))
