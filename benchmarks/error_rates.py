"""How often tests, gates and powers are as they say: `python benchmarks/error_rates.py`.

Every line draws its runs afresh from a latent model (on the logit scale), with a seed of its own:

- how small p values of a drop are where there is none, for few and for many instructions;
- how often a drop of the size that is called detectable is significant among four levels;
- how often variants are said to differ that are right equally often, where those of an instruction
  share on which examples;
- how often a gate fails an equal model that has its own luck with instructions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from coverage import CONFIDENCE, make_group

from harness.metrics.accuracy import spread_p
from harness.metrics.grid import Group
from harness.metrics.measures import measure_difference
from harness.stats.arrays import Singles
from harness.stats.bootstrap import resample_prompt_means
from harness.stats.estimate import Estimate
from harness.stats.multiplicity import holm
from harness.stats.power import minimum_detectable_effect
from harness.stats.twoway import estimate, influence_of_change

ACCURACY = 0.684
"""Of the runs that `draw_drop` simulates."""
EXTREMES = ("worst_prompt_accuracy", "best_prompt_accuracy", "spread")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    for line in chain(tails(4 * runs), power(runs), related(runs), gates(runs)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def tails(runs: int) -> Iterator[str]:
    """How often the p value of a drop that is none is below three levels."""
    yield "\n| instructions | examples | prompts differ by | p < .05 | p < .003 | p < .001 |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for instructions, examples in ((3, 100), (3, 400), (4, 100), (6, 100), (12, 100)):
        for differ in (0.15, 0.5):
            rng = np.random.default_rng([instructions, examples])
            found = np.array(
                [draw_drop(instructions, examples, differ, 0.0, rng).p_value() for _ in range(runs)]
            )
            shares = " | ".join(
                f"{100 * np.mean(found < level):.2f}" for level in (0.05, 0.003, 0.001)
            )
            yield f"| {instructions} | {examples} | {differ} | {shares} |"


def power(runs: int) -> Iterator[str]:
    """How often the detectable drop is significant beside three levels that cost nothing."""
    yield "\n| instructions | examples | detectable | found | without Holm in it | found |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for instructions, examples in ((6, 100), (6, 400), (12, 100), (24, 200)):
        rng = np.random.default_rng([instructions, examples, 1])
        pilot = [draw_drop(instructions, examples, 0.15, 0.0, rng) for _ in range(101)]
        cells = []
        for tests in (4, 1):
            effects = [minimum_detectable_effect(one, tests=tests) or 0.0 for one in pilot]
            effect = float(np.median(effects))
            found = [
                holm(
                    [
                        draw_drop(instructions, examples, 0.15, drop, rng).p_value()
                        for drop in (effect, 0.0, 0.0, 0.0)
                    ]
                )[0]
                < 1 - CONFIDENCE
                for _ in range(runs)
            ]
            cells.append(f"{100 * effect:.1f} | {100 * np.mean(found):.0f} %")
        yield f"| {instructions} | {examples} | {' | '.join(cells)} |"


def draw_drop(
    instructions: int, examples: int, differ: float, drop: float, rng: np.random.Generator
) -> Estimate:
    """The drop of variants that lose so much of accuracy on average, and differ in it in logits.

    Both sides are equally lucky with instructions; then a share of right answers is taken away.
    """
    shape = (instructions, examples)
    ability = 1 + 1.2 * rng.normal(size=examples) + 0.3 * rng.normal(size=(instructions, 1))
    luck = rng.logistic(size=shape)
    clean, after = (
        np.where(rng.random(shape) < 0.8, luck, rng.logistic(size=shape))
        < ability + differ / np.sqrt(2) * rng.normal(size=(instructions, 1))
        for _ in range(2)
    )
    after &= rng.random(shape) >= drop / ACCURACY
    weights = np.full(shape, 1 / clean.size)
    influence = influence_of_change(clean.astype(np.float64), after.astype(np.float64), weights)
    return estimate(influence, np.arange(instructions), kind="difference")


def related(runs: int) -> Iterator[str]:
    """How often Cochran's Q, alone and as used, tells apart variants that are equally good."""
    yield "\n| instructions | variants of each | examples | shared | Q alone | as used |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for instructions, variants, examples, shared in (
        (6, 4, 100, 0.0), (6, 4, 100, 0.5), (6, 4, 100, 0.8), (6, 20, 80, 0.5),
        (12, 8, 50, 0.7), (3, 8, 100, 0.9),
    ):  # fmt: skip
        rng = np.random.default_rng([instructions, variants, examples])
        families = np.repeat(np.arange(instructions), variants)
        found = []
        for _ in range(runs):
            common = rng.normal(size=(instructions, examples))[families]
            own = rng.normal(size=common.shape)
            luck = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
            score = (1 + 1.5 * rng.normal(size=examples) + 1.8 * luck > 0).astype(np.float64)
            everywhere = np.ones(score.shape, dtype=np.bool_)
            found.append([spread_p(score, everywhere), spread_p(score, everywhere, families)])
        alone, used = 100 * (np.array(found) < 1 - CONFIDENCE).mean(axis=0)
        design = f"{instructions} | {variants} | {examples} | {shared}"
        yield f"| {design} | {alone:.1f} % | {used:.1f} % |"


def gates(runs: int) -> Iterator[str]:
    """How often an equal model with its own luck is worse beyond its interval: one side of 95 %."""
    yield "\n| instructions | variants | examples | luck | " + " | ".join(EXTREMES) + " |"
    yield "| --: | --: | --: | --: " + "| --: " * len(EXTREMES) + "|"
    for instructions, variants, examples, luck in (
        (3, 1, 100, 0.3), (6, 1, 100, 0.0), (6, 1, 100, 0.3), (6, 4, 100, 0.3),
        (12, 1, 200, 0.6), (24, 1, 100, 0.5),
    ):  # fmt: skip
        rng = np.random.default_rng([instructions, variants, examples, int(10 * luck)])
        found = [
            [_is_worse(metric, *pair) for metric in EXTREMES]
            for pair in (
                equal_models(instructions, variants, examples, luck, rng) for _ in range(runs)
            )
        ]
        shares = " | ".join(f"{100 * share:.1f} %" for share in np.mean(found, axis=0))
        yield f"| {instructions} | {variants} | {examples} | {luck} | {shares} |"


def equal_models(
    instructions: int, variants: int, examples: int, luck: float, rng: np.random.Generator
) -> tuple[list[Group], list[Singles]]:
    """Two models' answers to the same cells, each with its own luck, and their resampled means."""
    families = np.repeat(np.arange(instructions), variants)
    shape = (len(families), examples)
    shared = (
        1 + 1.2 * rng.normal(size=examples) + 0.3 * rng.normal(size=instructions)[families, None]
    )
    cells, groups = rng.logistic(size=shape), []
    for _ in range(2):
        own = 0.8 * rng.normal(size=instructions)[families] + 0.6 * rng.normal(size=shape[0])
        ability = shared + luck * own[:, None] + 0.5 * rng.normal(size=examples)
        noise = np.where(rng.random(shape) < 0.6, cells, rng.logistic(size=shape))
        score = (noise < ability).astype(np.float64)
        groups.append(replace(make_group(score, np.zeros(shape), rng), families=families))
    seed = int(rng.integers(2**32))
    resampled = [
        resample_prompt_means(one.score, one.present, np.random.default_rng(seed), 300)
        for one in groups
    ]
    return groups, resampled


def _is_worse(metric: str, groups: Sequence[Group], resampled: Sequence[Singles]) -> bool:
    found = measure_difference(metric, groups[1], groups[0], (resampled[1], resampled[0]))
    low, high = (found and found.interval(CONFIDENCE)) or (0.0, 0.0)
    return low > 0 if metric == "spread" else high < 0


if __name__ == "__main__":
    main()
