"""Two-way cluster resampling: examples and prompts drawn with replacement, as matrix products.

A resample is a vector of counts of how often each example (or prompt) was drawn, and a resampled
mean is the product of counts and cells. One set of example counts serves everything that is
compared, so the differences between prompts, or between runs, are paired. Counts come in chunks:
memory stays bounded, and the numbers drawn do not depend on the chunk's size.

Used for what has no formula: extremes over prompts, ranks, and the chance of being the best.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.stats.arrays import Booleans, Floats, Integers, Singles

_CHUNK_CELLS = 4_000_000


def draw_counts(rng: np.random.Generator, items: int, resamples: int) -> Iterator[Singles]:
    """Chunks [b, items] of multinomial counts, `resamples` rows in all, each summing to `items`."""
    chunk = max(1, _CHUNK_CELLS // max(items, 1))
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        drawn = rng.integers(items, size=(rows, items), dtype=np.int64)
        drawn += items * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * items)
        yield counts.reshape(rows, items).astype(np.float32)


def resample_prompt_means(
    scores: Floats, present: Booleans, rng: np.random.Generator, resamples: int
) -> Singles:
    """Each prompt's mean over resampled examples: [resamples, K], the same examples for all K.

    Args:
        scores: cell values [K, N]; whatever stands in missing cells is not read.
        present: which cells are there [K, N].
        rng: where the examples are drawn from.
        resamples: how often to draw.
    """
    values = np.where(present, scores, 0.0).T.astype(np.float32)  # [N, K]
    complete = bool(present.all())
    there = present.T.astype(np.float32)
    means = np.empty((resamples, scores.shape[0]), dtype=np.float32)
    row = 0
    for counts in draw_counts(rng, scores.shape[1], resamples):
        size = counts.sum(axis=1, keepdims=True) if complete else counts @ there
        total = counts @ values
        out = means[row : row + len(counts)]
        np.divide(total, size, out=out, where=size > 0)
        out[np.broadcast_to(size, out.shape) == 0] = np.nan
        row += len(counts)
    return means


def resample_means(prompt_means: Singles, families: Integers, rng: np.random.Generator) -> Singles:
    """Means over resampled prompts of means over resampled examples: the two-way bootstrap.

    Args:
        prompt_means: a row of prompts' means for each resample of the examples [B, K], or a stack
            of runs [runs, B, K], for which one draw of prompts is reused.
        families: each prompt's instruction [K]; the variants of one are drawn together.
        rng: where they are drawn from.

    Returns:
        [B] or [runs, B].
    """
    distinct, codes = np.unique(families, return_inverse=True)
    if len(distinct) == 1:
        codes = np.arange(len(families))
    drawn = draw_counts(rng, int(codes.max()) + 1, prompt_means.shape[-2])
    counts = np.concatenate(list(drawn))[:, codes]
    held = np.where(np.isnan(prompt_means), np.float32(0), counts)
    total = (np.nan_to_num(prompt_means) * held).sum(axis=-1)
    size = held.sum(axis=-1)
    means = np.full(total.shape, np.nan, dtype=np.float32)
    np.divide(total, size, out=means, where=size > 0)
    return means
