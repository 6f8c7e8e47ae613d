"""A part of a real full grid against the whole: `python benchmarks/designs_of_a_run.py RUN`.

From a finished run of all cells (`harness run --full`) designs of a share are cut at random, and
what each says is held against what all cells say; beside it full grids on as few examples as cost
the same cells. Printed are, per level and metric, the value of the whole, the root mean square
error of both in points, the mean width of the intervals beside the whole's, and how often they hold
the whole's value.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from harness.core.records import CLEAN, in_level_order
from harness.evaluation.design import Design
from harness.metrics.grid import Grid, Group, build_grids
from harness.metrics.measures import measure, resample_grid
from harness.results.rundir import load_run
from harness.stats.arrays import Booleans

METRICS = ("accuracy", "drop", "consistency", "worst_prompt_accuracy", "spread")
RESAMPLES = 400

Found = tuple[float, float, float]
"""A value and its interval."""


def read(grid: Grid, level: str) -> dict[str, Found]:
    """The metrics of a level, NaN where undefined."""
    group = grid.group(grid.rows(level=level))
    if group is None:
        raise ValueError(f"no cell of {level}")
    resampled = resample_grid(grid, 0, RESAMPLES)
    return {name: _measure(name, group, resampled) for name in METRICS}


def _measure(name: str, group: Group, resampled: np.ndarray) -> Found:
    found = measure(name, group, resampled)
    interval = found.interval() if found else None
    if found is None or interval is None:
        return np.nan, np.nan, np.nan
    return found.value, *interval


def with_share(grid: Grid, share: float, seed: int) -> Grid:
    """The grid with a random design of its perturbed cells."""
    present = grid.present.copy()
    for level in in_level_order(grid.levels):
        rows = grid.rows(level=level)
        if level != CLEAN:
            names = [grid.variants[row] for row in rows]
            present[rows] &= Design(share, seed).cells(level, names, len(grid.examples))
    return replace(grid, present=present)


def with_examples(grid: Grid, share: float, seed: int) -> Grid:
    """The grid on a random share of its examples."""
    rng = np.random.default_rng(seed)
    count = max(round(share * len(grid.examples)), 2)
    kept: Booleans = np.zeros(len(grid.examples), dtype=np.bool_)
    kept[rng.choice(len(kept), size=count, replace=False)] = True
    return replace(grid, present=grid.present & kept)


def rows(grid: Grid, share: float, designs: int) -> Iterator[str]:
    """The table of one task, line by line, as Markdown."""
    yield "| level | metric | whole | off | width | holds | off, fewer examples | width | holds |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: | --: |"
    ways: Sequence[Callable[[Grid, float, int], Grid]] = (with_share, with_examples)
    for level in in_level_order(grid.levels):
        if level == CLEAN:
            continue
        whole = read(grid, level)
        drawn = [[read(way(grid, share, n), level) for n in range(designs)] for way in ways]
        for name in METRICS:
            cells = [_line(whole[name], [one[name] for one in own]) for own in drawn]
            yield f"| {level} | {name} | {100 * whole[name][0]:.1f} | " + " | ".join(cells) + " |"


def _line(whole: Found, found: Sequence[Found]) -> str:
    values, low, high = np.array(found).T
    error = 100 * np.sqrt(np.nanmean((values - whole[0]) ** 2))
    width = np.nanmean(high - low) / (whole[2] - whole[1])
    held = 100 * np.mean((low <= whole[0]) & (whole[0] <= high))
    return f"{error:.1f} | {width:.2f} | {held:.0f} %"


def main() -> None:
    """Print a table per task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--designs", type=int, default=20)
    options = parser.parse_args()
    run = load_run(options.run)
    labels = {name: task["labels"] for name, task in run.manifest["tasks"].items()}
    scorer = sorted(run.scored_samples["scorer"].unique())[0]
    grids = build_grids(run.scored_samples, run.variants, labels, scorer=scorer)
    for task, grid in grids.items():
        sys.stdout.write(f"\n{task}, {scorer}, {int(grid.present.sum()):,} cells\n\n")
        for line in rows(grid, options.share, options.designs):
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
