"""How often intervals hold by what varies: `python benchmarks/degrees.py [--runs 4000]`.

Draws the parts of a two-way variance (of G instructions and 100 examples) from the chi-squared
distributions that they have where all effects are normal, and says for each row how often 95 %
intervals hold the truth, how long they are on each side in true standard errors, and how often p
values of a true hypothesis are below .003. `noise` is the cells' share of what does not depend on
instructions, `instructions` their variance in units of all that. Every row has a seed of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from harness.stats.components import Components, Parts
from harness.stats.estimate import student_quantile, student_tail

EXAMPLES = 100


def rows(runs: int) -> Iterator[str]:
    """The table, line by line, as Markdown."""
    yield "| G | noise | instructions | held | reach | p < .003 |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for count in (3, 4, 6, 12):
        for noise in (0.05, 0.3, 0.9):
            for between in (0.0, 0.3, 1.0, 3.0, 10.0):
                held, reach, tail = simulate(count, noise, between, runs)
                yield (
                    f"| {count} | {noise:g} | {between:g} | {100 * held:.1f} | {reach:.2f} "
                    f"| {100 * tail:.2f} |"
                )


def simulate(count: int, noise: float, between: float, runs: int) -> tuple[float, float, float]:
    """Coverage, half-width in true standard errors, and the share of p values below .003."""
    rng = np.random.default_rng([count, round(100 * noise), round(10 * between)])
    free = count - 1, EXAMPLES - 1, (count - 1) * (EXAMPLES - 1)
    true = between + noise, 1.0, noise
    drawn = [size * rng.chisquare(df, runs) / df for size, df in zip(true, free, strict=True)]
    error = (between + 1) ** 0.5
    reach, tail = [], []
    for parts in (Components(*map(float, one)) for one in zip(*drawn, strict=True)):
        df = Parts(parts, count - 1, EXAMPLES - 1).df
        root = parts.total**0.5
        reach.append(student_quantile(0.95, df) * root / error)
        tail.append(student_quantile(0.997, df) * root / error)
    return 1 - _beyond(reach), float(np.mean(reach)), _beyond(tail)


def _beyond(reach: list[float]) -> float:
    """How often a normal value is beyond these many of its standard deviations, on average."""
    return float(np.mean([2 * student_tail(one, float("inf")) for one in reach]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    for line in rows(parser.parse_args().runs):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
