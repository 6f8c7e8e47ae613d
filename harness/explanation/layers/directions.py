"""The leading directions of what a feed-forward network writes, and how far tuning turned them.

The rows of a network's output weights are what its neurons write, and the principal components of
these rows are its leading directions (Wu et al., arXiv 2310.00492, section 5). A direction has no
sign: u and -u are the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.linalg import eigh, subspace_angles

from harness.stats.arrays import Floats, Integers

LEADING: Final = 10
"""Directions whose common space is compared."""


def leading_directions(written: Floats, count: int = LEADING) -> Floats:
    """The first principal components of rows [count, width], the leading one first, of length 1.

    Args:
        written: What each neuron writes [neurons, width].
        count: How many directions; there are no more than the width.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> np.abs(leading_directions(rows, 1)).round(6).tolist()
        [[1.0, 0.0]]
    """
    centred = written - written.mean(axis=0)
    width = centred.shape[1]
    first = max(0, width - count)
    _, vectors = eigh(centred.T @ centred, subset_by_index=(first, width - 1))
    directions: Floats = vectors.T[::-1]
    return directions


def rotation(first: Floats, second: Floats) -> float:
    """How far one direction is from another: 1 - |cos|, from 0 (the same) to 1 (at right angles).

    Args:
        first: A direction of length 1 [width].
        second: Another one.

    Example:
        >>> import numpy as np
        >>> round(rotation(np.array([1.0, 0.0]), np.array([-0.6, 0.8])), 6)
        0.4
    """
    return 1 - min(1.0, abs(float(first @ second)))


def largest_angle(first: Floats, second: Floats) -> float:
    """The largest principal angle between the spaces of two sets of directions, in degrees.

    Unlike single directions, a space does not change where two that lead alike change places.
    """
    return float(np.degrees(subspace_angles(first.T, second.T).max()))


def nearest_tokens(direction: Floats, unembedding: Floats, count: int) -> Integers:
    """The tokens whose output vectors are nearest to a direction, by cosine, the nearest first.

    A direction has no sign: that side is taken whose nearest token is nearer.

    Args:
        direction: [width].
        unembedding: Each token's output vector less the mean of all, of length 1 [tokens, width].
        count: How many tokens.
    """
    cosines = unembedding @ direction
    if cosines.max() < -cosines.min():
        cosines = -cosines
    nearest = np.argpartition(-cosines, min(count, len(cosines) - 1))[:count]
    ordered: Integers = nearest[np.argsort(-cosines[nearest], kind="stable")]
    return ordered
