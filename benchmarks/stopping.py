"""What intervals hold after a run has stopped by itself: `python benchmarks/stopping.py`.

Each simulated run draws its examples in random order, twenty at a time, until the confidence
sequence of a level's accuracy is within the wanted half-width, as `harness run --precision` does.
Printed are the shares of runs in which two intervals hold what they speak of: the sequence the
accuracy that all examples would give with these prompts, and the summary's ordinary interval, from
the cells that were drawn, the accuracy of the population of examples and instructions.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from coverage import WORLDS, World, interval_of, simulate_group, take_examples

from harness.evaluation.schedule import ROUND
from harness.stats.sequences import ConfidenceSequence

DESIGNS = ((6, 500), (12, 1000))
HALF_WIDTHS = (0.03, 0.05)


def stop(
    world: World, prompts: int, examples: int, half_width: float, rng: np.random.Generator
) -> tuple[bool, bool, int]:
    """Whether the sequence and the ordinary interval hold, and how many examples were drawn."""
    group = simulate_group(world, prompts, examples, rng)
    values = group.score.mean(axis=0)
    sequence = ConfidenceSequence(population=examples, target=half_width)
    while sequence.half_width > half_width and sequence.count < examples:
        sequence.update(values[sequence.count : sequence.count + ROUND])
    low, high = sequence.interval
    of_sequence = low - 1e-9 <= values.mean() <= high + 1e-9
    low, high = interval_of("accuracy", take_examples(group, sequence.count))
    return of_sequence, low <= world.accuracy() <= high, sequence.count


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    sys.stdout.write("| world | K | N | within | drawn | sequence | ordinary |\n")
    sys.stdout.write("| --- | --: | --: | --: | --: | --: | --: |\n")
    for world in WORLDS[:4]:
        for prompts, examples in DESIGNS:
            for half_width in HALF_WIDTHS:
                rng = np.random.default_rng([prompts, examples, int(1000 * half_width)])
                found = [stop(world, prompts, examples, half_width, rng) for _ in range(runs)]
                sequence, ordinary, drawn = np.mean(found, axis=0)
                sys.stdout.write(
                    f"| {world.name} | {prompts} | {examples} | {half_width:g} | {drawn:.0f} "
                    f"| {100 * sequence:.1f} | {100 * ordinary:.1f} |\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
