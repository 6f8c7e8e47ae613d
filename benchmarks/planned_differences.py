"""Does a planned pair of runs find its difference: `python benchmarks/planned_differences.py`.

Two models answer the grids of `incomplete.py`'s populations. From the variance parts of a large
grid the cheapest design is planned (`harness plan --detect-difference`) that finds the second
model's true lead four times in five; such pairs of runs are then drawn, and counted are those that
call it significant. Beside it the half-width that was planned and the median of those that came
out, and the same planned from the cells of one small pair of runs (6 instructions, 100 examples, a
fifth): the median over such pairs, and how many of them are within 15 % of what came out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from incomplete import WORLDS, Answers, World, answer

from harness.evaluation.design import Design
from harness.stats.arrays import Booleans, family_weights
from harness.stats.estimate import Estimate
from harness.stats.planning import Limits, PlannedDesign, Question, plan_design, pool_parts
from harness.stats.prediction import CellVariance, half_width
from harness.stats.twoway import estimate, influence_of_change

VARIANTS = 5
"""Per instruction."""
LARGE = (100, VARIANTS, 600)
PILOT = (6, VARIANTS, 100)
PILOT_SHARE = 0.2
LIMITS = Limits(instructions=24, examples=1500)
NEAR = 0.15


def measured(answers: Answers, present: Booleans) -> Estimate:
    """The difference as a comparison of two runs has it."""
    weights = family_weights(present, answers.families)
    change = influence_of_change(answers.second, answers.first, weights)
    return estimate(change, answers.families, kind="difference")


def parts_of(answers: Answers, present: Booleans) -> CellVariance:
    """The variance parts of the difference of two cells."""
    lost = answers.second - answers.first
    flows = float((lost[present] > 0).mean()), float((lost[present] < 0).mean())
    return replace(pool_parts([(lost, present, answers.families)]), flows=flows)


def asked(shape: tuple[int, int, int], share: float, seed: int) -> Booleans:
    """The cells of a design."""
    names = [str(place) for place in range(shape[0] * shape[1])]
    return Design(share, seed).cells("simulated", names, shape[2])


def row(world: World, runs: int, seed: int) -> str:
    """One population: the design, what was planned of it, and what came out."""
    rng = np.random.default_rng(seed)
    large = answer(world, LARGE, rng)
    everything = np.ones(large.first.shape, dtype=np.bool_)
    parts = parts_of(large, everything)
    question = Question("difference", (parts,), (VARIANTS,))
    design = plan_design([question], LIMITS, parts.mean)
    if design is None:
        return f"| {world.name} | {100 * parts.mean:.1f} | beyond what there is |"
    shape = design.instructions, VARIANTS, design.examples
    drawn = [
        measured(answer(world, shape, rng), asked(shape, design.share, draw))
        for draw in range(runs)
    ]
    middle = float(np.median([half_width(one, 0.95) for one in drawn]))
    found = float(np.mean([one.p_value() < 0.05 and one.value > 0 for one in drawn]))
    pilots = np.array(list(_planned_by_pilots(world, design, runs, rng)))
    near = float(np.mean(np.abs(pilots / middle - 1) <= NEAR))
    return (
        f"| {world.name} | {100 * parts.mean:.1f} | {design.instructions} x {design.examples}, "
        f"{design.share:g} | {design.cells:,} | {100 * found:.0f} % | "
        f"{100 * design.half_width:.1f} | {100 * middle:.1f} | {design.half_width / middle:.2f} | "
        f"{100 * np.median(pilots):.1f} | {100 * near:.0f} % |"
    )


def _planned_by_pilots(
    world: World, design: PlannedDesign, runs: int, rng: np.random.Generator
) -> Iterator[float]:
    """Half-widths that small pairs of runs expect of the design."""
    for draw in range(runs):
        parts = parts_of(answer(world, PILOT, rng), asked(PILOT, PILOT_SHARE, draw))
        question = Question("difference", (parts,), (VARIANTS,))
        yield question.half_width(design.instructions, design.examples, design.share)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    options = parser.parse_args()
    sys.stdout.write(
        "| world | true difference | planned | cells per run | found | planned half-width "
        "| median | ratio | planned from a small pair | within 15 % |\n"
        "| --- | --: | --- | --: | --: | --: | --: | --: | --: | --: |\n"
    )
    for place, world in enumerate(WORLDS):
        sys.stdout.write(row(world, options.runs, place) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
