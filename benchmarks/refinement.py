"""What a drop's interval holds after `harness run --until`: `python benchmarks/refinement.py`.

Simulated runs of one task and four levels ask a share of their cells, then twice as many, each
stage with the cells of the one before, until the widest drop interval is within the wanted
half-width. Answers follow a logistic model with effects of instructions, variants, examples and
their meetings. Printed is how often the intervals at the stop hold the true drop, beside those of
runs that ask the same share from the start and do not look, and how much is asked.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import cache

import numpy as np

from harness.evaluation.design import Design
from harness.stats.arrays import Booleans, Floats, Integers, family_weights
from harness.stats.prediction import half_width
from harness.stats.twoway import estimate, influence_of_change

LEVELS = 4
VARIANTS = 5
SHARES = (0.08, 0.16, 0.32, 0.64, 1.0)
DESIGNS = ((3, 100), (6, 100), (6, 200))
WANTED = (0.08, 0.06, 0.05, 0.04)


@dataclass(frozen=True)
class Drawn:
    """A run's cells: right answers without and with the perturbations of each level [L, K, N]."""

    clean: Floats
    perturbed: Floats
    families: Integers


def draw(instructions: int, examples: int, rng: np.random.Generator) -> Drawn:
    """The cells of one run, all of them."""
    families = np.repeat(np.arange(instructions), VARIANTS)
    shape = (LEVELS, len(families), examples)
    base = 1.5 + 1.8 * rng.normal(size=(1, examples)) + 0.35 * rng.normal(size=(instructions, 1))
    base = base + 0.45 * rng.normal(size=(instructions, examples))
    clean = (rng.random(base.shape) < 1 / (1 + np.exp(-base)))[families].astype(np.float64)
    move = 0.25 * rng.normal(size=(LEVELS, instructions, 1))[:, families]
    move = move + 0.25 * rng.normal(size=(LEVELS, len(families), 1)) + 0.5 * rng.normal(size=shape)
    chances = 1 / (1 + np.exp(-(base[families] - 0.3 + move)))
    return Drawn(clean, (rng.random(shape) < chances).astype(np.float64), families)


@cache
def true_drop() -> float:
    """The drop of the population, from a run so large that it is known."""
    many = [draw(60, 4000, np.random.default_rng([7, n])) for n in range(8)]
    return float(np.mean([one.clean.mean() - one.perturbed.mean() for one in many]))


def intervals(run: Drawn, share: float, seed: int) -> list[tuple[float, float]]:
    """Each level's interval of the drop, and its half-width, from a share of the cells."""
    names = [str(place) for place in range(len(run.families))]
    examples = run.clean.shape[1]
    found = []
    for level in range(LEVELS):
        asked: Booleans = Design(share, seed).cells(str(level), names, examples)
        weights = family_weights(asked, run.families)
        influence = influence_of_change(run.clean, run.perturbed[level], weights)
        one = estimate(influence, run.families, kind="difference")
        low, high = one.interval() or (-1.0, 1.0)
        found.append((float(low <= true_drop() <= high), half_width(one, 0.95)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    sys.stdout.write("| instructions | examples | within | stopped before the end | cells asked |")
    sys.stdout.write(" held at the stop | held without a look |\n")
    sys.stdout.write("| --: | --: | --: | --: | --: | --: | --: |\n")
    for instructions, examples in DESIGNS:
        rng = np.random.default_rng([instructions, examples])
        drawn = [draw(instructions, examples, rng) for _ in range(runs)]
        stages = np.array([[intervals(run, s, n) for s in SHARES] for n, run in enumerate(drawn)])
        held, widest = stages[..., 0].mean(axis=2), stages[..., 1].max(axis=2)  # [runs, shares]
        for wanted in WANTED:
            narrow = widest <= wanted
            last = np.where(narrow.any(axis=1), narrow.argmax(axis=1), len(SHARES) - 1)
            row = (
                f"{np.mean(last < len(SHARES) - 1):.0%}",
                f"{np.mean(np.array(SHARES)[last]):.0%}",
                f"{100 * held[np.arange(runs), last].mean():.1f}",
                f"{100 * held.mean(axis=0)[last].mean():.1f}",
            )
            sys.stdout.write(f"| {instructions} | {examples} | {wanted:g} | {' | '.join(row)} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
