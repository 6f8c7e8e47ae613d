"""The array types of the statistics, ratios, and the weights of an average over cells."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.integer]
Booleans: TypeAlias = NDArray[np.bool_]


def ratio(above: Floats, below: Floats | Integers, *, undefined: float = np.nan) -> Floats:
    """above / below, broadcast against each other; `undefined` where `below` is 0."""
    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), undefined)
    np.divide(above, below, out=quotient, where=np.asarray(below != 0))
    return quotient


def prompt_weights(present: Booleans) -> Floats:
    """Cell weights [K, N] with which a sum is the plain mean over prompts of their own means.

    A prompt counts the same however many of its cells are there; one without cells counts nothing.
    All weights are 0 where nothing is there.

    Example:
        >>> import numpy as np
        >>> prompt_weights(np.array([[True, True], [True, False]]))
        array([[0.25, 0.25],
               [0.5 , 0.  ]])
    """
    filled = present.sum(axis=1)
    prompts = max(int((filled > 0).sum()), 1)
    return ratio(present.astype(np.float64), filled[:, None] * prompts, undefined=0.0)


def family_weights(present: Booleans, families: Integers) -> Floats:
    """Cell weights [K, N] with which a sum is the plain mean over families of their prompts' means.

    A family (an instruction with its variants) counts the same however many prompts it has. Where
    all have equally many, these are `prompt_weights`.

    Args:
        present: which cells are there [K, N].
        families: the code of each prompt's family [K].
    """
    filled = present.any(axis=1)
    sizes = np.bincount(families[filled], minlength=int(families.max(initial=0)) + 1)
    share = filled / np.maximum(sizes, 1)[families] / max(int((sizes > 0).sum()), 1)
    return prompt_weights(present) * (share * int(filled.sum()))[:, None]


def example_weights(present: Booleans) -> Floats:
    """Cell weights [K, N] with which a sum is the plain mean over examples of their own means.

    Example:
        >>> import numpy as np
        >>> example_weights(np.array([[True, True], [True, False]]))
        array([[0.25, 0.5 ],
               [0.25, 0.  ]])
    """
    return prompt_weights(present.T).T
