"""Importance density: how much of an answer hangs on each word of a prompt.

Wu et al., "From Language Modeling to Instruction Following: Understanding the Behavior Shift in
LLMs after Instruction Tuning" (NAACL 2024, arXiv 2310.00492), section 3. Gradient x input is linear
in the tokens' embeddings, so the importance of a word is the sum of its tokens'.

Of an answer of one token a density is 0 or 1: the word is among the most important ones, or it is
not. `shares` keeps the degrees.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

LEVELS: Final = 10
"""Steps in which importance is counted."""
THRESHOLD: Final = 7
"""Steps up to which a word counts as without importance for a token of the answer."""
_TINY: Final = 1e-7
_TINIER: Final = 1e-9


def word_importance(tokens: Floats, words: NDArray[np.integer], count: int) -> Floats:
    """Importance of words [W, M]: the sums of their tokens' [N, M].

    Args:
        tokens: gradient x input of every token (row) for every token of the answer (column).
        words: which word each token belongs to [N].
        count: W, how many words there are.

    Example:
        >>> import numpy as np
        >>> word_importance(np.array([[1.0], [-2.0], [4.0]]), np.array([0, 0, 1]), 2)
        array([[-1.],
               [ 4.]])
    """
    summed = np.zeros((count, tokens.shape[1]))
    np.add.at(summed, words, tokens)
    return summed


def density(importance: Floats) -> Floats:
    """Importance density of words [W], from 0 to 1 at the densest.

    I <- max(I, 0); I[:, m] <- ceil(10 I[:, m] / (max_n I[n, m] + 1e-7)); I <- 0 where I <= 7;
    a_n = ||I[n, :]||_1 / (||I[n, :]||_4 + 1e-9), over its maximum.

    Args:
        importance: of each word (row) for each token of the answer (column), signed [W, M].

    Example:
        >>> import numpy as np
        >>> density(np.array([[1.0, 1.0], [0.2, 0.9], [-3.0, 0.0]])).round(3)
        array([1.   , 0.595, 0.   ])
    """
    positive = np.maximum(importance, 0.0)
    if positive.size == 0:
        return np.zeros(len(importance))
    steps = np.ceil(LEVELS * positive / (positive.max(axis=0) + _TINY))
    steps[steps <= THRESHOLD] = 0.0
    length = (steps**4).sum(axis=1) ** 0.25
    dense: Floats = steps.sum(axis=1) / (length + _TINIER)
    return dense / dense.max() if dense.max() > 0 else dense


def shares(importance: Floats) -> Floats:
    """Each word's share of the positive importance [W], the mean over the answer's tokens.

    They sum to 1, or to less where some token of the answer hangs on no word.

    Example:
        >>> import numpy as np
        >>> shares(np.array([[3.0], [1.0], [-4.0]]))
        array([0.75, 0.25, 0.  ])
    """
    positive = np.maximum(importance, 0.0)
    total = positive.sum(axis=0)
    parts: Floats = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    return parts.mean(axis=1) if positive.size else np.zeros(len(positive))


def instruction_score(densities: Floats) -> float:
    """How much an answer hangs on an instruction: the sum of its words' densities / log2(2 + W).

    Args:
        densities: of the instruction's words [W].

    Example:
        >>> import numpy as np
        >>> instruction_score(np.array([1.0, 0.5]))
        0.75
    """
    return float(densities.sum() / np.log2(2 + len(densities)))
