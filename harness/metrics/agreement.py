"""Whether prompts give the same answers to the same examples.

Answers are codes [K, N]. An answer that could not be parsed is an answer of its own ("none"): two
of them agree, so agreement is to be read beside the rate of unparsed answers. Examples that fewer
than two prompts answered say nothing and are left out.
"""

from __future__ import annotations

import numpy as np

from harness.metrics.grid import Answers
from harness.stats.arrays import Booleans, Floats, Integers


def count_answers(answer: Answers, present: Booleans, classes: int) -> Integers:
    """How many prompts gave each answer to each example: [N, classes + 1], unparsed last."""
    examples = answer.shape[1]
    codes = np.where(answer < 0, classes, answer) + (classes + 1) * np.arange(examples)
    counts = np.bincount(codes[present].ravel(), minlength=examples * (classes + 1))
    return counts.reshape(examples, classes + 1)


def agreement_with_others(answer: Answers, present: Booleans, classes: int) -> Floats:
    """For each cell [K, N] the share of the other prompts that answered the same.

    Its mean over an example's cells is the share of agreeing pairs. 0 where a cell is missing.

    Example:
        >>> import numpy as np
        >>> answer = np.array([[0, 1], [0, 0], [0, 1]], dtype=np.int16)
        >>> agreement_with_others(answer, np.ones((3, 2), dtype=bool), classes=2)
        array([[1. , 0.5],
               [1. , 0. ],
               [1. , 0.5]])
    """
    counts = count_answers(answer, present, classes)
    codes = np.where(answer < 0, classes, answer)
    same = counts[np.arange(answer.shape[1]), codes] - 1
    others = np.maximum(counts.sum(axis=1) - 1, 1)
    return np.where(present, same / others, 0.0)
