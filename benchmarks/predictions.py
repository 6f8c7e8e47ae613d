"""How near a plan comes to a single run: `python benchmarks/predictions.py [--runs 200]`.

Runs of a population of `incomplete.py` ask a fifth of a grid, then all of it. Printed are, for the
half-width of the drop's interval, the median that all cells find; how near the plan is that knows
the population's variances, and the share of single runs for which it is within 15 %; and the same
of the plan that each run makes from its own fifth. What the first one misses no plan can have: a
run's few instructions differ by luck.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from incomplete import WORLDS, World, answer, asked_group

from harness.evaluation.design import Design
from harness.metrics.grid import Group
from harness.metrics.influences import of_drop
from harness.metrics.variance import drop_cells
from harness.stats.planning import pool_parts
from harness.stats.prediction import CellVariance, Size, half_width, predict
from harness.stats.twoway import estimate

SHAPES = ((4, 5, 24), (4, 5, 100), (6, 5, 100), (12, 5, 100), (12, 5, 400), (24, 5, 400))
"""Instructions, variants of each, examples."""
LARGE = (60, 5, 500)
SHARE = 0.2
CONFIDENCE = 0.95
NEAR = 0.15


def parts_of(group: Group) -> CellVariance:
    """The variance parts of a run's drop."""
    influence = of_drop(group)
    return replace(pool_parts([drop_cells(group)]), flows=influence.flows if influence else None)


def found(group: Group) -> float:
    """The half-width of the drop's interval."""
    influence = of_drop(group)
    if influence is None:
        raise ValueError("no cell has a clean one to be compared with")
    return half_width(estimate(influence, group.families, kind="difference"), CONFIDENCE)


def row(world: World, shape: tuple[int, int, int], runs: int, seed: int) -> str:
    """One population and size."""
    rng = np.random.default_rng(seed)
    large = answer(world, LARGE, rng)
    known = parts_of(asked_group(large, np.ones(large.first.shape, dtype=np.bool_)))
    names, size = [str(place) for place in range(shape[0] * shape[1])], Size(*shape)
    widths, planned = [], []
    for draw in range(runs):
        answers = answer(world, shape, rng)
        widths.append(found(asked_group(answers, np.ones(answers.first.shape, dtype=np.bool_))))
        part = asked_group(answers, Design(SHARE, draw).cells("simulated", names, shape[2]))
        planned.append(half_width(predict(parts_of(part), size), CONFIDENCE))
    told = half_width(predict(known, size), CONFIDENCE)
    middle = float(np.median(widths))
    return (
        f"| {world.name} | {' x '.join(map(str, shape))} | {100 * middle:.1f} | "
        f"{told / middle:.2f} | {_near([told] * runs, widths)} | "
        f"{np.median(planned) / middle:.2f} | {_near(planned, widths)} |"
    )


def _near(planned: Sequence[float], widths: Sequence[float]) -> str:
    apart = np.abs(np.asarray(planned) / np.asarray(widths) - 1)
    return f"{100 * float((apart <= NEAR).mean()):.0f} %"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    sys.stdout.write(
        "| world | G x V x N | all cells find | known variances: ratio | within 15 % "
        "| from a fifth: ratio | within 15 % |\n"
        "| --- | --- | --: | --: | --: | --: | --: |\n"
    )
    for world in (WORLDS[1], WORLDS[2], WORLDS[3]):
        for place, shape in enumerate(SHAPES):
            sys.stdout.write(row(world, shape, options.runs, place) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
