"""How alike free answers are in meaning: cosines of their embeddings, over pairs of prompts.

It stands beside exact agreement, which calls two ways to say one thing different. Neither looks at
a reference. Examples that fewer than two prompts answered say nothing.
"""

from __future__ import annotations

import numpy as np

from harness.stats.arrays import Booleans, Floats


def similarity_to_others(vectors: Floats, present: Booleans) -> Floats:
    """For each cell [K, N] the mean cosine of its answer with those of the other prompts.

    Its mean over an example's cells is the mean cosine over pairs of prompts. 0 where a cell is
    missing or alone.

    Args:
        vectors: unit vectors of the answers [K, N, D], as a sentence encoder returns them.
        present: which cells hold an answer.

    Example:
        >>> import numpy as np
        >>> vectors = np.array([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
        >>> similarity_to_others(vectors, np.ones((3, 1), dtype=bool)).ravel()
        array([0.5, 0.5, 0. ])
    """
    kept = np.where(present[..., None], vectors, 0.0)
    with_all = np.einsum("knd,nd->kn", kept, kept.sum(axis=0))
    with_itself = np.einsum("knd,knd->kn", kept, kept)
    others = np.maximum(present.sum(axis=0) - 1, 1)
    return np.where(present, (with_all - with_itself) / others, 0.0)
