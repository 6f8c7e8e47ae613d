"""Accuracy over prompts: its mean, spread, worst case and combined scores.

Scores are arrays [K, N] in [0, 1] of K prompts on N examples; `present` [K, N] says which cells are
there. A_k is prompt k's mean over its examples. Undefined values are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from harness.metrics.grid import UNPARSED, Answers
from harness.stats.arrays import Booleans, Floats, Integers, ratio

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
_SMALLEST: Final = 1e-300  # a p value that is 0 in floating point still has a logarithm


def prompt_accuracies(score: Floats, present: Booleans) -> Floats:
    """A_k = mean_i Y[k, i]: [K], NaN for a prompt without cells.

    Example:
        >>> import numpy as np
        >>> score = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
        >>> prompt_accuracies(score, np.ones((2, 3), dtype=bool)).round(3)
        array([0.667, 1.   ])
    """
    counts = present.sum(axis=1)
    totals = np.where(present, score, 0.0).sum(axis=1)
    return ratio(totals, counts)


def accuracy(score: Floats, present: Booleans) -> float:
    """mean_k A_k: every prompt counts the same.

    Example:
        >>> import numpy as np
        >>> score = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
        >>> round(float(accuracy(score, np.ones((2, 3), dtype=bool))), 3)
        0.833
    """
    return _mean(prompt_accuracies(score, present))


def accuracy_std(score: Floats, present: Booleans) -> float:
    """The standard deviation of A_k over prompts, with ddof 0 as PromptBench and CoIN have it."""
    return float(np.std(prompt_accuracies(score, present)))


def accuracy_quantiles(
    score: Floats, present: Booleans, quantiles: Sequence[float] = QUANTILES
) -> list[float]:
    """Quantiles of A_k over prompts, linearly interpolated."""
    return [float(q) for q in np.quantile(prompt_accuracies(score, present), quantiles)]


def null_spread(score: Floats, present: Booleans) -> float:
    """The spread to expect if the prompts did not differ: their labels permuted in each example.

    Under such permutations an example's K scores move among prompts with variance v_i (divided by
    K), so the A_k have the variance s^2 = sum_i v_i / N^2 and the correlation -1 / (K - 1). Sums
    over many examples are nearly normal, and the expected range of exchangeable normals is
    s sqrt(K / (K - 1)) d_K, with d_K the expected range of K independent standard normals.

    Example:
        >>> import numpy as np
        >>> score = np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]])
        >>> round(float(null_spread(score, np.ones((2, 4), dtype=bool)) or 0), 3)
        0.282
    """
    prompts = len(score)
    if prompts < 2:
        return 0.0
    deviation = np.sqrt(_permuted_variance(score, present) * prompts / (prompts - 1))
    return float(deviation * expected_normal_range(prompts))


def spread_p(score: Floats, present: Booleans, families: Integers | None = None) -> float:
    """The p value that the prompts do not differ: Cochran's Q (Biometrika 1950), scores in [0, 1].

    Q = sum_k (A_k - mean A)^2 (K - 1) / (K s^2), with `null_spread`'s s, has nearly a chi-square
    distribution with K - 1 degrees of freedom where an example's scores are permuted among the
    prompts. Variants of one instruction answer more alike than others, which makes Q vary more; it
    is then compared as `sphericity` says (Box 1954, Annals of Mathematical Statistics 25(3)).

    Where cells are missing, Q is Skillings & Mack's (1981, Technometrics 23(2)) of the scores; it
    is the same on a full grid: what a prompt is above the others on its examples, held against the
    covariance of these sums under permutation. NaN below two prompts and where no example has two;
    1 where no example tells prompts apart.

    Args:
        score: cells [K, N] in [0, 1].
        present: which cells are there [K, N].
        families: the code of each prompt's instruction [K]; None where no two share one.

    Example:
        >>> import numpy as np
        >>> score = np.array([[1.0] * 18 + [0.0] * 2, [1.0] * 8 + [0.0] * 12])
        >>> round(float(spread_p(score, np.ones((2, 20), dtype=bool)) or 0), 4)
        0.0016
    """
    from scipy.special import chdtrc

    asked = present.any(axis=1)
    score, present = score[asked], present[asked]
    shared = present.sum(axis=0) > 1
    if len(score) < 2 or not shared.any():
        return math.nan
    rest, covariance = _above_others(score[:, shared], present[:, shared])
    sums = rest.sum(axis=1)
    if not np.diag(covariance).any():
        return 1.0
    q, free = _quadratic_form(sums, covariance)
    related = families is not None and len(np.unique(families[asked])) < len(score)
    share = sphericity(rest, present[:, shared]) if related else 1.0
    return float(chdtrc(share * free, share * q))


def _above_others(score: Floats, present: Booleans) -> tuple[Floats, Floats]:
    """What each cell [K, N] is above its example's mean, and the covariance of its sums [K, K].

    An example's n scores have the variance v over n - 1 and, permuted, the covariances
    v (1 - 1/n) and -v / n.
    """
    there = present.astype(np.float64)
    counts = there.sum(axis=0)
    rest = np.where(present, score - (score * there).sum(axis=0) / counts, 0.0)
    variance = (rest**2).sum(axis=0) / (counts - 1)
    covariance = np.diag(there @ variance) - (there * (variance / counts)) @ there.T
    return rest, covariance


def _quadratic_form(sums: Floats, covariance: Floats) -> tuple[float, int]:
    """The sums against their covariance, and its rank: how many contrasts are told apart."""
    values, vectors = np.linalg.eigh(covariance)
    real = values > 1e-9 * values.max()
    return float(((vectors.T @ sums)[real] ** 2 / values[real]).sum()), int(real.sum())


def sphericity(rest: Floats, present: Booleans) -> float:
    """By what share to reduce the degrees of freedom of K prompts whose answers are related.

    With S the covariance of the prompts [K, K] over N examples, doubly centred, Greenhouse &
    Geisser's (1959) share is (tr S)^2 / ((K - 1) tr S^2). It is too small where there are few
    examples; returned is Huynh & Feldt's (1976) correction of it with Lecoutre's (1991), between
    1 / (K - 1) and 1, which is the share of prompts that are equally related.

    Args:
        rest: what each cell is above its example's mean [K, N], 0 where missing.
        present: which cells are there [K, N]; a covariance is taken from the examples of a pair.
    """
    there = present.astype(np.float64)
    free = len(rest) - 1
    rest = np.where(present, rest - ratio(rest.sum(axis=1), there.sum(axis=1))[:, None], 0.0)
    pairs = there @ there.T
    df = float(pairs.mean()) - 1
    covariance = ratio(rest @ rest.T, pairs, undefined=0.0)
    squares = float((covariance**2).sum())
    if free < 2 or df < 1 or squares == 0:
        return 1.0
    share = min(1.0, float(np.trace(covariance)) ** 2 / (free * squares))
    if df <= free * share:
        return 1.0
    corrected = ((df + 1) * free * share - 2) / (free * (df - free * share))
    return float(min(1.0, max(corrected, 1 / free)))


def combined_spread_p(values: Sequence[float]) -> float:
    """One p value for tasks with rows of their own (Fisher 1925): -2 sum_t ln p_t is chi-square."""
    from scipy.special import chdtrc

    known = [max(value, _SMALLEST) for value in values if not math.isnan(value)]
    if not known:
        return math.nan
    return float(chdtrc(2 * len(known), -2 * math.fsum(map(math.log, known))))


def _permuted_variance(score: Floats, present: Booleans) -> float:
    """s^2 = sum_i v_i / N^2: the variance of A_k if each example's scores are permuted."""
    counts = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, score, 0.0).sum(axis=0) / counts
    variance = (np.where(present, score - mean, 0.0) ** 2).sum(axis=0) / counts
    return float(variance.sum() / score.shape[1] ** 2)


def expected_normal_range(count: int) -> float:
    """d_K: the expected range of K independent standard normals.

    d_K = integral of 1 - Phi(x)^K - (1 - Phi(x))^K over the real line (Tippett 1925).
    """
    from scipy.special import ndtr

    points = np.linspace(-9.0, 9.0, 4001)
    below = ndtr(points)
    return float(np.trapezoid(1 - below**count - (1 - below) ** count, points))


def worst_prompt(score: Floats, present: Booleans) -> tuple[int, float]:
    """W_task = min_k A_k and the row of the prompt that has it (the first, where tied)."""
    accuracies = prompt_accuracies(score, present)
    row = int(np.nanargmin(accuracies))
    return row, float(accuracies[row])


def saturation(score: Floats, present: Booleans) -> float:
    """Sat = 1 - (MaxP - AvgP), with MaxP = max_k A_k and AvgP = mean_k A_k (arXiv 2401.00595)."""
    accuracies = prompt_accuracies(score, present)
    return float(1 - (accuracies.max() - accuracies.mean()))


def combined_performance_score(score: Floats, present: Booleans) -> float:
    """CPS = Sat * MaxP (State of What Art, arXiv 2401.00595).

    Example:
        >>> import numpy as np
        >>> score = np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
        >>> round(float(combined_performance_score(score, np.ones((2, 4), dtype=bool))), 3)
        0.656
    """
    return saturation(score, present) * float(prompt_accuracies(score, present).max())


def largest_gold_share(gold: Integers) -> float:
    """The accuracy of always giving the most frequent right answer, of codes [N].

    Negative codes are unknown; NaN where all are.

    Example:
        >>> import numpy as np
        >>> largest_gold_share(np.array([0, 0, 0, 1]))
        0.75
    """
    known = gold[gold >= 0]
    return float(np.bincount(known).max() / len(known)) if len(known) else math.nan


def most_frequent(answer: Answers, present: Booleans) -> int:
    """The code of the label that most cells have; unparsed where there is no other answer."""
    labels = answer[present & (answer != UNPARSED)]
    return int(np.bincount(labels).argmax()) if len(labels) else UNPARSED


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
