"""Mean cosine of answers over pairs of prompts, against the sum over pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from harness.metrics.answer_similarity import similarity_to_others


def test_the_mean_over_an_examples_cells_is_the_mean_over_its_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 4, 3))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    present = rng.random((5, 4)) < 0.7
    present[:2] = True
    found = similarity_to_others(vectors, present)
    assert not found[~present].any()
    for example in range(4):
        prompts = np.flatnonzero(present[:, example])
        pairs = [vectors[a, example] @ vectors[b, example] for a, b in combinations(prompts, 2)]
        assert found[prompts, example].mean() == pytest.approx(np.mean(pairs))


def test_an_answer_alone_is_compared_with_none() -> None:
    vectors = np.ones((2, 1, 1))
    assert similarity_to_others(vectors, np.array([[True], [False]])).tolist() == [[0.0], [0.0]]
