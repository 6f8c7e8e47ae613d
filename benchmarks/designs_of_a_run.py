"""A part of a real full grid against the whole: `python benchmarks/designs_of_a_run.py RUN`.

From a finished run of all cells (`harness run --full`) designs of a share are cut at random, and
what each says is held against what all cells say; beside it full grids on as few examples as cost
the same cells. A first table has, per level and metric, the value of the whole with its interval,
then for each way to save the root mean square error in points, the mean width of the intervals
beside the whole's, and how many of them hold the whole's value. A second one holds what
`harness plan` predicts against what came out: the half-width of a share's interval from all cells,
against the designs' median, and of the whole's from the cells of a share. A third one holds what a
run of such a share would say of all cells, over all tasks and levels together as a report has it:
the largest detectable drop and the widest interval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.core.records import CLEAN, in_level_order
from harness.evaluation.design import Design
from harness.metrics.grid import Grid, Group, build_grids
from harness.metrics.influences import of_drop
from harness.metrics.measures import measure, resample_grid
from harness.metrics.outlook import drop_questions
from harness.metrics.variance import drop_cells
from harness.results.rundir import load_run
from harness.stats.arrays import Booleans
from harness.stats.estimate import Estimate, mean_of
from harness.stats.planning import make_design, pool_parts
from harness.stats.power import minimum_detectable_effect
from harness.stats.prediction import CellVariance, Size, half_width, predict
from harness.stats.twoway import estimate

METRICS = ("accuracy", "drop", "consistency", "worst_prompt_accuracy", "spread")
PLANNED = ("accuracy", "drop")
RESAMPLES = 400
CONFIDENCE = 0.95
NEAR = 0.15
"""How far a prediction may be off, as a part of what came out."""

Found = tuple[float, float, float]
"""A value and its interval."""
Drawn = Sequence[tuple[Group, Mapping[str, Found]]]
"""A level of each design that was cut: its cells and its metrics."""


def read(grid: Grid, level: str) -> tuple[Group, dict[str, Found]]:
    """The cells of a level and its metrics, NaN where undefined."""
    group = grid.group(grid.rows(level=level))
    if group is None:
        raise ValueError(f"no cell of {level}")
    resampled = resample_grid(grid, 0, RESAMPLES)
    return group, {name: _measure(name, group, resampled) for name in METRICS}


def _measure(name: str, group: Group, resampled: np.ndarray) -> Found:
    found = measure(name, group, resampled)
    interval = found.interval(CONFIDENCE) if found else None
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


def with_examples(grid: Grid, cells: int, seed: int) -> Grid:
    """The full grid on random examples, as many as cost so many cells, clean ones included."""
    rng = np.random.default_rng(seed)
    count = max(round(cells / len(grid.variants)), 2)
    kept: Booleans = np.zeros(len(grid.examples), dtype=np.bool_)
    kept[rng.choice(len(kept), size=count, replace=False)] = True
    return replace(grid, present=grid.present & kept)


def tables(grid: Grid, share: float, designs: int) -> Iterator[str]:
    """Both tables of one task, line by line, as Markdown."""
    by_share = [with_share(grid, share, n) for n in range(designs)]
    cells = round(float(np.mean([one.present.sum() for one in by_share])))
    by_examples = [with_examples(grid, cells, n) for n in range(designs)]
    yield (
        f"{int(grid.present.sum()):,} cells in all, {cells:,} with a share of {share:g}, "
        f"{int(by_examples[0].present.sum()):,} with {_examples(by_examples[0])} examples\n"
    )
    levels = [level for level in in_level_order(grid.levels) if level != CLEAN]
    whole = {level: read(grid, level) for level in levels}
    drawn = {level: [read(one, level) for one in by_share] for level in levels}
    yield "| level | metric | whole | off | width | hold | off, fewer examples | width | hold |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: | --: |"
    for level in levels:
        fewer = [read(one, level) for one in by_examples]
        for name in METRICS:
            value, low, high = (100 * one for one in whole[level][1][name])
            ways = (_line(whole[level][1][name], one, name) for one in (drawn[level], fewer))
            yield (
                f"| {level} | {name} | {value:.1f} [{low:.1f}, {high:.1f}] | {' | '.join(ways)} |"
            )
    yield "\n| level | metric | share: planned | found | ratio | whole: planned | found | near |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: |"
    for level in levels:
        for name in PLANNED:
            yield f"| {level} | {name} | {_planned(whole[level], drawn[level], name, share)} |"


def _examples(grid: Grid) -> int:
    return int(grid.present.any(axis=0).sum())


def _line(whole: Found, drawn: Drawn, name: str) -> str:
    values, low, high = np.array([found[name] for _, found in drawn]).T
    error = 100 * np.sqrt(np.nanmean((values - whole[0]) ** 2))
    width = np.nanmean(high - low) / (whole[2] - whole[1])
    held = int(np.sum((low <= whole[0]) & (whole[0] <= high)))
    return f"{error:.1f} | {width:.2f} | {held} of {len(drawn)}"


def _planned(
    whole: tuple[Group, Mapping[str, Found]], drawn: Drawn, name: str, share: float
) -> str:
    """Predicted and found half-widths in points: of a share from the whole, and the reverse."""
    group, found = whole
    widths = [_half(one[name]) for _, one in drawn]
    there = 100 * half_width(predict(_parts(group, name), _size(group, share)), CONFIDENCE)
    of_whole = [
        100 * half_width(predict(_parts(part, name), _size(group, 1.0)), CONFIDENCE)
        for part, _ in drawn
    ]
    middle, real = float(np.median(widths)), _half(found[name])
    near = sum(abs(one / real - 1) <= NEAR for one in of_whole)
    found_by_share = f"{middle:.1f} ({min(widths):.1f} to {max(widths):.1f})"
    of_share = f"{there:.1f} | {found_by_share} | {there / middle:.2f}"
    planned_whole = f"{np.median(of_whole):.1f} ({min(of_whole):.1f} to {max(of_whole):.1f})"
    return f"{of_share} | {planned_whole} | {real:.1f} | {near} of {len(drawn)}"


def outlooks(grids: Mapping[str, Grid], share: float, designs: int) -> Iterator[str]:
    """The third table: all cells as they are, and as planned from themselves and from a share."""
    yield (
        "\n| | all cells | planned from their own variances | from a share: median | 10 to 90 % | "
        "within 15 % |"
    )
    yield "| --- | --: | --: | --: | --: | --: |"
    drawn = [
        planned_whole({task: with_share(grid, share, n) for task, grid in grids.items()})
        for n in range(designs)
    ]
    real, own = found_whole(grids), planned_whole(grids)
    for place, name in enumerate(("detectable drop", "widest half-width")):
        values = np.array([one[place] for one in drawn])
        low, middle, high = 100 * np.quantile(values, (0.1, 0.5, 0.9))
        near = int(np.sum(np.abs(values / real[place] - 1) <= NEAR))
        yield (
            f"| {name} | {100 * real[place]:.1f} | {100 * own[place]:.1f} | {middle:.1f} | "
            f"{low:.1f} to {high:.1f} | {near} of {designs} |"
        )


def planned_whole(grids: Mapping[str, Grid]) -> tuple[float, float]:
    """Detectable drop and half-width that the full grid is expected to have."""
    questions = drop_questions(grids, confidence=CONFIDENCE)
    grid = next(iter(grids.values()))
    design = make_design(questions, len(set(grid.instructions)), len(grid.examples), 1.0)
    return design.detectable, design.half_width


def found_whole(grids: Mapping[str, Grid]) -> tuple[float, float]:
    """The same as the cells have it: the largest over the levels, each a mean over the tasks."""
    levels = {level for grid in grids.values() for level in grid.levels} - {CLEAN}
    drops = [
        mean_of([_drop_of(grid.group(grid.rows(level=level))) for grid in grids.values()])
        for level in levels
    ]
    effects = (
        minimum_detectable_effect(drop, confidence=CONFIDENCE, tests=len(levels)) for drop in drops
    )
    return (
        max(effect or np.inf for effect in effects),
        max(half_width(drop, CONFIDENCE) for drop in drops),
    )


def _drop_of(group: Group | None) -> Estimate:
    influence = of_drop(group) if group is not None else None
    if group is None or influence is None:
        raise ValueError("a level has no clean cells to be compared with")
    return estimate(influence, group.families, kind="difference", texts=group.texts)


def _half(found: Found) -> float:
    return 100 * (found[2] - found[1]) / 2


def _parts(group: Group, name: str) -> CellVariance:
    if name == "drop":
        influence = of_drop(group)
        return replace(
            pool_parts([drop_cells(group)]), flows=influence.flows if influence else None
        )
    return pool_parts([(group.score, group.present, group.families)])


def _size(group: Group, share: float) -> Size:
    instructions = len(np.unique(group.families))
    variants = max(round(len(group.variants) / instructions), 1)
    return Size(instructions, variants, len(group.examples), share)


def main() -> None:
    """Print the tables of each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--designs", type=int, default=20)
    options = parser.parse_args()
    run = load_run(options.run)
    labels = {name: task["labels"] for name, task in run.manifest["tasks"].items()}
    scorer = run.summary.scorer
    grids = build_grids(run.scored_samples, run.variants, labels, scorer=scorer)
    for task, grid in grids.items():
        sys.stdout.write(f"\n{task}, {scorer}: ")
        for line in tables(grid, options.share, options.designs):
            sys.stdout.write(f"{line}\n")
    for line in outlooks(grids, options.share, options.designs):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
