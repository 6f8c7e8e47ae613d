"""Cells drawn from a latent model whose truth is known, without frames: fast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.metrics.grid import Group
from harness.metrics.measures import measure_difference
from harness.stats.arrays import Floats
from harness.stats.bootstrap import resample_prompt_means
from harness.stats.estimate import Estimate


def accuracies_of(skill: Floats, spread: float) -> Floats:
    """The true accuracy [K] of prompts with this skill; examples spread so much, in logits."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    chances = 1 / (1 + np.exp(-skill[:, None] - spread * points))
    accuracies: Floats = chances @ (weights / weights.sum())
    return accuracies


def group_of(score: np.ndarray, families: np.ndarray) -> Group:
    """A group of right (1) and wrong (0) cells [K, N], all there, without clean ones."""
    everywhere = np.ones(score.shape, dtype=bool)
    prompts, examples = score.shape
    return Group(
        task="simulated", rows=np.arange(prompts), variants=tuple(map(str, range(prompts))),
        examples=tuple(map(str, range(examples))), families=families, score=score,
        answer=score.astype(np.int16), present=everywhere, clean_score=score,
        clean_answer=score.astype(np.int16), matched=~everywhere, classes=2,
    )  # fmt: skip


def simulate_pair(
    instructions: int,
    variants: int,
    examples: int,
    rng: np.random.Generator,
    *,
    luck: float,
    shift: float = 0.0,
) -> Callable[[str], Estimate]:
    """Differences, by metric, of two models that differ in luck, and by `shift` in all cells.

    Each has its own luck with every instruction and variant (sd `luck` logits in all) and example.
    """
    prompts, families = instructions * variants, np.repeat(np.arange(instructions), variants)
    shared = (
        1
        + 1.2 * rng.normal(size=(1, examples))
        + 0.3 * rng.normal(size=(instructions, 1))[families]
    )
    cells, runs = rng.logistic(size=(prompts, examples)), []
    for move in (0.0, shift):
        own = 0.8 * rng.normal(size=(instructions, 1))[families] + 0.6 * rng.normal(
            size=(prompts, 1)
        )
        ability = shared + luck * own + 0.5 * rng.normal(size=(1, examples)) + move
        noise = np.where(rng.random(cells.shape) < 0.6, cells, rng.logistic(size=cells.shape))
        runs.append(group_of((noise < ability).astype(float), families))
    seed = int(rng.integers(2**32))
    resampled = [
        resample_prompt_means(one.score, one.present, np.random.default_rng(seed), 300)
        for one in runs
    ]

    def difference(metric: str) -> Estimate:
        found = measure_difference(metric, runs[1], runs[0], (resampled[1], resampled[0]))
        assert found is not None
        return found

    return difference
