"""How alike the free-text answers of prompts are: the cosine of their embeddings.

Exact agreement asks whether two answers are the same but for case and punctuation; "in Paris" and
"Paris, France" are not. Their cosine says how near they come. An encoder calls unlike texts alike,
too, so the cosine of answers to different examples stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.core.records import in_level_order
from harness.metrics.grid import Grid, Group
from harness.metrics.group_stats import rounded, write_quantity
from harness.results.similarity import AnswerSimilarity
from harness.stats.arrays import Booleans, Floats, Integers, example_weights
from harness.stats.twoway import estimate, influence_of_mean

Embed: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit vectors [texts, width] of texts."""


def describe_similarity(
    grid: Grid, embed: Embed | None, confidence: float
) -> dict[str, AnswerSimilarity]:
    """Each level's similarity of answers, of a task whose answers are free text; else none.

    Answers are embedded as agreement compares them, each distinct one once.

    Args:
        grid: the task's cells.
        embed: the encoder; None where it is not asked how alike answers are.
        confidence: of the intervals.
    """
    if embed is None or not grid.is_open:
        return {}
    vectors = _vectors(grid, embed)
    found = {}
    for level in in_level_order(grid.levels):
        group = grid.group(grid.rows(level=level))
        if group is not None:
            found[level] = _describe(group, vectors, confidence)
    return found


def cosine_with_others(vectors: Floats, present: Booleans) -> Floats:
    """For each cell [K, N] the mean cosine with the other prompts' answers to the same example.

    Its mean over an example's cells is the mean over pairs of prompts: the sum of all cosines with
    v is v times the sum of all vectors. 0 where a cell is missing or has no other.

    Args:
        vectors: unit vectors of the answers [K, N, width].
        present: which cells are there.

    Example:
        >>> import numpy as np
        >>> vectors = np.array([[[1.0, 0.0]], [[0.6, 0.8]], [[1.0, 0.0]]])
        >>> cosine_with_others(vectors, np.ones((3, 1), dtype=bool)).round(2)
        array([[0.8],
               [0.6],
               [0.8]])
    """
    there = vectors * present[..., None]
    own = (there * there).sum(axis=2)
    with_all = np.einsum("knd,nd->kn", there, there.sum(axis=0))
    others = np.maximum(present.sum(axis=0) - 1, 1)
    return np.asarray((with_all - own) / others)


def _vectors(grid: Grid, embed: Embed) -> Floats:
    """A unit vector per answer [answers + 1, width + 1].

    The last one is of what could not be read, or says nothing: such answers are alike, as exact
    agreement has it, and unlike all others.
    """
    said = [text for text in grid.labels if text]
    made = embed(said) if said else np.zeros((0, 1), dtype=np.float32)
    vectors = np.zeros((len(grid.labels) + 1, made.shape[1] + 1))
    vectors[:, -1] = 1.0
    places = [place for place, text in enumerate(grid.labels) if text]
    vectors[places, :-1] = made
    vectors[places, -1] = 0.0
    return vectors


def _describe(group: Group, vectors: Floats, confidence: float) -> AnswerSimilarity:
    compared = group.present & (group.present.sum(axis=0) > 1)
    cosines = _in_columns(group.answer, group.present, vectors)
    measured = None
    if compared.any():
        influence = influence_of_mean(cosines, example_weights(compared), of_pairs=True)
        measured = estimate(influence, group.families, kind="difference", texts=group.texts)
    return AnswerSimilarity(
        cosine=write_quantity(measured, confidence),
        of_different_examples=_between_examples(group.answer, group.present, vectors),
        cells=int(compared.sum()),
    )


def _in_columns(answer: NDArray[np.signedinteger], present: Booleans, vectors: Floats) -> Floats:
    """`cosine_with_others`, an example at a time, as all vectors at once would fill the memory."""
    columns = [
        cosine_with_others(vectors[answer[:, [n]]], present[:, [n]]) for n in range(answer.shape[1])
    ]
    return np.concatenate(columns, axis=1)


def _between_examples(
    answer: NDArray[np.signedinteger], present: Booleans, vectors: Floats
) -> float | None:
    """The mean cosine of two answers to different examples; what could not be read is left out."""
    sums = np.zeros((answer.shape[1], vectors.shape[1] - 1))
    counts: Integers = np.zeros(answer.shape[1], dtype=np.int64)
    for n in range(answer.shape[1]):
        said = vectors[answer[present[:, n], n]]
        said = said[said[:, -1] == 0]
        sums[n], counts[n] = said[:, :-1].sum(axis=0), len(said)
    pairs = int(counts.sum() ** 2 - (counts**2).sum())
    if not pairs:
        return None
    total = sums.sum(axis=0)
    return rounded(float(total @ total - (sums * sums).sum()) / pairs)
