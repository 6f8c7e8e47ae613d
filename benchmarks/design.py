"""How many examples and instructions a question needs: `python benchmarks/design.py`.

Runs are drawn from a latent model of a good classifier whose instructions differ mildly (see
`coverage.py`), with as many examples and instructions as each design says and one variant of each
instruction. Where two sides are compared, seven in ten answers have their luck in common. Printed
are medians over the draws, in points, of what `harness.stats` says of them: the half-width of
accuracy's 95 % interval, and the smallest drop from clean, and difference between two runs, that
the design would call significant four times in five among four levels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from coverage import CONFIDENCE, WORLDS, interval_of, simulate_drop, simulate_group

from harness.metrics.grid import Group
from harness.metrics.influences import of_drop
from harness.stats.power import minimum_detectable_effect
from harness.stats.twoway import estimate

WORLD = WORLDS[1]
EXAMPLES = (50, 100, 200, 500, 1000, 2000)
INSTRUCTIONS = (3, 6, 12, 24)
TESTS = 4
"""Levels, whose p values are adjusted for each other."""
CHECKPOINTS = replace(WORLD, change=0.0, prompts=0.1)
"""Two models on the same cells, for whom instructions are almost equally lucky."""


def half_width(prompts: int, examples: int, rng: np.random.Generator) -> float:
    """Of accuracy's interval."""
    low, high = interval_of("accuracy", simulate_group(WORLD, prompts, examples, rng))
    return (high - low) / 2


def detectable_drop(prompts: int, examples: int, rng: np.random.Generator) -> float:
    """The smallest drop from clean that would be found."""
    return _detectable(simulate_drop(WORLD, prompts, examples, rng))


def detectable_difference(prompts: int, examples: int, rng: np.random.Generator) -> float:
    """The smallest difference between two checkpoints that answer the same cells much alike."""
    return _detectable(simulate_drop(CHECKPOINTS, prompts, examples, rng))


def _detectable(group: Group) -> float:
    influence = of_drop(group)
    if influence is None:
        raise ValueError("no cell has another to be compared with")
    measured = estimate(influence, group.families, kind="difference")
    effect = minimum_detectable_effect(measured, confidence=CONFIDENCE, tests=TESTS)
    if effect is None:
        raise ValueError("the variance is unknown")
    return effect


TABLES: dict[str, Callable[[int, int, np.random.Generator], float]] = {
    "Half-width of accuracy's 95 % interval": half_width,
    "Smallest drop from clean found four times in five": detectable_drop,
    "Smallest difference between two runs found four times in five": detectable_difference,
}


def rows(draws: int) -> Iterator[str]:
    """The tables, line by line, as Markdown."""
    for title, measure in TABLES.items():
        yield f"\n{title}, in points:\n"
        yield "| examples | " + " | ".join(f"{k} instructions" for k in INSTRUCTIONS) + " |"
        yield "| --: " * (len(INSTRUCTIONS) + 1) + "|"
        for examples in EXAMPLES:
            found = []
            for prompts in INSTRUCTIONS:
                rng = np.random.default_rng([prompts, examples])
                found.append(np.median([measure(prompts, examples, rng) for _ in range(draws)]))
            yield f"| {examples:,} | " + " | ".join(f"{100 * one:.1f}" for one in found) + " |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=101)
    for row in rows(parser.parse_args().draws):
        print(row, flush=True)


if __name__ == "__main__":
    main()
