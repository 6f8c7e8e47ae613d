"""Exact tests of paired scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.records import RIGHT_FROM
from harness.stats.arrays import Floats


@dataclass(frozen=True, slots=True)
class SignTest:
    """How many pairs went each way, and how surprising that is if both ways are as likely."""

    better: int
    worse: int
    p: float


def example_sign_test(differences: Floats) -> SignTest:
    """The exact sign test of per-example differences [N] of scores in [0, 1]; ties do not count.

    p is two-sided binomial with probability 1/2 over the examples that differ. With one prompt and
    answers that are right or wrong this is McNemar's test (1947, exact form). With several prompts
    an example's mean over them is one observation, so that what its cells share is counted once.

    Example:
        >>> import numpy as np
        >>> first = np.array([1.0] * 9 + [0.0])
        >>> second = np.array([1.0] * 3 + [0.0] * 7)
        >>> example_sign_test(second - first)
        SignTest(better=0, worse=6, p=0.03125)
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
    """Cells that went from wrong to right and from right to wrong, of scores in [0, 1].

    A score counts as right from `RIGHT_FROM` on, so that a slightly better answer is no flip.

    Example:
        >>> import numpy as np
        >>> count_changes(np.array([0.2, 0.6, 1.0]), np.array([0.5, 0.9, 0.0]))
        (1, 1)
    """
    was, is_now = first >= RIGHT_FROM, second >= RIGHT_FROM
    return int(np.sum(is_now & ~was)), int(np.sum(was & ~is_now))
