"""How near a plan comes to a single run: `python benchmarks/predictions.py [--runs 200]`.

Runs of a population of `incomplete.py` ask a fifth of a grid, then all of it. Printed are, for the
half-width of the drop's interval, the median that all cells find; how near the plan is that knows
the population's variances, and the share of single runs for which it is within 15 %; the same of
the plan that each run makes from its own fifth; and how many runs lie in the range that is said to
hold four of five (`harness.stats.prediction_range`), for both.

`at most` is what an oracle reaches that says one number of all runs and knows their distribution:
the largest share of half-widths that any window of 15 % to either side holds. A plan that knows the
variances and not the run cannot pass it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from incomplete import WORLDS, Answers, World, answer, asked_group

from harness.evaluation.design import Design
from harness.metrics.grid import Group
from harness.metrics.influences import of_drop
from harness.metrics.variance import drop_cells
from harness.stats.arrays import Booleans
from harness.stats.planning import average_parts, pool_parts
from harness.stats.prediction import CellVariance, Size, half_width, predict
from harness.stats.prediction_range import half_width_range
from harness.stats.twoway import estimate

SHAPES = (
    (3, 5, 100), (4, 5, 24), (4, 5, 100), (6, 5, 100), (12, 5, 100), (12, 5, 400), (24, 5, 400),
)  # fmt: skip
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


def truth(world: World, rng: np.random.Generator) -> CellVariance:
    """The population's variances, from several large grids."""
    grids = (answer(world, LARGE, rng) for _ in range(8))
    return average_parts([parts_of(asked_group(one, _everywhere(one))) for one in grids])


def row(world: World, shape: tuple[int, int, int], runs: int, seed: int) -> str:
    """One population and size."""
    rng = np.random.default_rng(seed)
    known, size, part_size = truth(world, rng), Size(*shape), Size(*shape, SHARE)
    names = [str(place) for place in range(shape[0] * shape[1])]
    widths, planned, ranges = [], [], []
    for draw in range(runs):
        answers = answer(world, shape, rng)
        widths.append(found(asked_group(answers, _everywhere(answers))))
        part = asked_group(answers, Design(SHARE, draw).cells("simulated", names, shape[2]))
        parts = parts_of(part)
        planned.append(half_width(predict(parts, size), CONFIDENCE))
        ranges.append(half_width_range([parts], [size], CONFIDENCE, measured_on=[part_size]))
    told = half_width(predict(known, size), CONFIDENCE)
    low, high = half_width_range([known], [size], CONFIDENCE)
    middle = float(np.median(widths))
    return (
        f"| {world.name} | {' x '.join(map(str, shape))} | {100 * middle:.1f} | "
        f"{told / middle:.2f} | {_near([told] * runs, widths)} | {_most_near(widths)} | "
        f"{100 * low:.1f} to {100 * high:.1f} | {_held([(low, high)] * runs, widths)} | "
        f"{np.median(planned) / middle:.2f} | {_near(planned, widths)} | {_held(ranges, widths)} |"
    )


def _everywhere(answers: Answers) -> Booleans:
    return np.ones(answers.first.shape, dtype=np.bool_)


def _most_near(widths: Sequence[float]) -> str:
    """The share of them that the best one number is near to."""
    ends = np.array([[width / (1 + NEAR), width / (1 - NEAR)] for width in widths])
    told = ends.ravel()[:, None]
    near = (np.abs(told / np.asarray(widths) - 1) <= NEAR + 1e-9).mean(axis=1)
    return f"{100 * float(near.max()):.0f} %"


def _held(ranges: Sequence[tuple[float, float]], widths: Sequence[float]) -> str:
    low, high = np.array(ranges).T
    return f"{100 * float(((low <= widths) & (widths <= high)).mean()):.0f} %"


def _near(planned: Sequence[float], widths: Sequence[float]) -> str:
    apart = np.abs(np.asarray(planned) / np.asarray(widths) - 1)
    return f"{100 * float((apart <= NEAR).mean()):.0f} %"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    sys.stdout.write(
        "| world | G x V x N | all cells find | known variances: ratio | within 15 % | at most "
        "| four of five | held | from a fifth: ratio | within 15 % | held |\n"
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n"
    )
    for world in (WORLDS[1], WORLDS[2], WORLDS[3]):
        for place, shape in enumerate(SHAPES):
            sys.stdout.write(row(world, shape, options.runs, place) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
