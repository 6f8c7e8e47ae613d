"""What the arms came to: each figure a mean over seeds, each difference paired with its interval.

    python experiments/coin/measure.py experiments/coin/small.yaml --out runs/experiment/small

With --search: the candidates on validation data, best first; printed, and in OUT/search.json.

A difference between two arms is that of their mean over seeds on the same cells. Its interval is
the two-way one of `harness compare` (examples and instructions drawn anew for all runs at once);
seeds are few and taken as given, so every seed's own difference stands beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from steps import VALIDATION, Config, read_config

from harness.compare import run_data
from harness.compare.alignment import align_runs
from harness.metrics.grid import Grid, Group
from harness.metrics.measures import get_measure, measure, resample_grid
from harness.records import CLEAN
from harness.rundir import load_run
from harness.stats.arrays import Integers
from harness.stats.estimate import Estimate, mean_of
from harness.stats.twoway import Influence, estimate, linear

AGAINST = "sft"
LEVELS = ("clean", "character", "word", "sentence", "semantic")
PERTURBED = "four levels"
METRICS = ("accuracy", "worst_prompt_accuracy", "consistency", "spread")
COMPARED = ("accuracy", "consistency")


@dataclass(frozen=True)
class Runs:
    """All runs of a form on their shared cells."""

    arms: Mapping[str, tuple[int, ...]]
    """Arm -> the places of its runs, a seed each."""
    grids: Mapping[str, Sequence[Grid]]
    """Task -> a grid for each run."""

    def groups(self, run: int, level: str) -> list[Group]:
        """A run's cells of a level (or of all four), a group for each task."""
        grids = [own[run] for own in self.grids.values()]
        return [group for grid in grids if (group := grid.group(_rows(grid, level)))]


def main() -> None:
    """Write OUT/results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--search", action="store_true", help="candidates on validation data")
    options = parser.parse_args()
    config = read_config(options.config)
    if options.search:
        runs = read_runs(options.out / VALIDATION, config["search"]["candidates"], [0])
        found = candidates(runs)
        (options.out / "search.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
        sys.stdout.write(f"{json.dumps(found, indent=2)}\n")
        return
    runs = read_runs(
        options.out / next(iter(config["evaluations"])), config["arms"], config["seeds"]
    )
    results = {
        "tasks": list(runs.grids),
        "seeds": {arm: len(places) for arm, places in runs.arms.items()},
        "cells": int(sum(own[0].present.sum() for own in runs.grids.values())),
        "levels": {arm: _levels(runs, places) for arm, places in runs.arms.items()},
        "by_task": {arm: _by_task(runs, places) for arm, places in runs.arms.items()},
        "against": {
            arm: _differences(runs, arm)
            for arm in runs.arms
            if arm != AGAINST and len(runs.arms[arm]) == len(runs.arms[AGAINST])
        },
        "cost": {arm: cost(options.out, arm, config) for arm in runs.arms if arm in config["arms"]},
    }
    text = json.dumps(results, indent=2) + "\n"
    (options.out / "results.json").write_text(text, encoding="utf-8")


def read_runs(folder: Path, arms: Iterable[str], seeds: Sequence[int]) -> Runs:
    """The finished runs below a folder, on the cells that all of them have."""
    names: dict[str, list[str]] = {"untouched": ["untouched"], "start": ["start"]}
    for arm in arms:
        names[arm] = [f"{arm}-{seed}" for seed in seeds]
    finished = {
        arm: [name for name in own if (folder / name / "summary.json").exists()]
        for arm, own in names.items()
    }
    flat = [name for own in finished.values() for name in own]
    aligned = align_runs([run_data(load_run(folder / name)) for name in flat])
    places = {arm: tuple(flat.index(name) for name in own) for arm, own in finished.items() if own}
    return Runs(places, aligned.grids)


def candidates(runs: Runs) -> dict[str, dict[str, float]]:
    """Candidate -> its accuracy by level, worst prompt and consistency; best first."""
    levels = {arm: _levels(runs, places) for arm, places in runs.arms.items()}
    order = sorted(levels, key=lambda arm: -levels[arm][PERTURBED]["accuracy"])
    return {
        arm: {
            **{level: levels[arm][level]["accuracy"] for level in (*LEVELS, PERTURBED)},
            "worst prompt": levels[arm][PERTURBED]["worst_prompt_accuracy"],
            "consistency": levels[arm][PERTURBED]["consistency"],
        }
        for arm in order
    }


def cost(out: Path, arm: str, config: Config) -> dict[str, float]:
    """Tokens a second and peak memory of an arm's first training, from its own log."""
    log = out / "arms" / f"{arm}-{config['seeds'][0]}" / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [row for row in rows if "tokens_per_second" in row]
    return {
        "steps": max(row["step"] for row in steps),
        "tokens_per_second": float(np.median([row["tokens_per_second"] for row in steps])),
        "peak_memory_mb": max(row["peak_memory_mb"] for row in steps),
    }


def _rows(grid: Grid, level: str) -> Integers:
    clean = grid.rows(level=CLEAN)
    if level == PERTURBED:
        return np.setdiff1d(np.arange(len(grid.variants)), clean).astype(np.int64)
    return grid.rows(level=level)


def _levels(runs: Runs, places: Sequence[int]) -> dict[str, dict[str, float]]:
    """Level -> metric -> its mean over tasks and seeds."""
    return {
        level: {metric: _mean(runs, places, level, metric) for metric in METRICS}
        for level in (*LEVELS, PERTURBED)
    }


def _by_task(runs: Runs, places: Sequence[int]) -> dict[str, dict[str, float]]:
    return {
        task: {
            level: _mean(Runs(runs.arms, {task: grids}), places, level, "accuracy")
            for level in (CLEAN, PERTURBED)
        }
        for task, grids in runs.grids.items()
    }


def _mean(runs: Runs, places: Sequence[int], level: str, metric: str) -> float:
    values = []
    for place in places:
        for grid in (own[place] for own in runs.grids.values()):
            group = grid.group(_rows(grid, level))
            # Values alone are asked for, so one resample is enough.
            found = measure(metric, group, resample_grid(grid, 0, 2)) if group else None
            values.append(found.value if found else np.nan)
    return float(np.mean(values))


def _differences(runs: Runs, arm: str) -> dict[str, dict[str, object]]:
    """Level -> metric -> the arm less the one it is held against."""
    return {
        level: {metric: _difference(runs, arm, level, metric) for metric in COMPARED}
        for level in (*LEVELS, PERTURBED)
    }


def _difference(runs: Runs, arm: str, level: str, metric: str) -> dict[str, object]:
    after, before = runs.arms[arm], runs.arms[AGAINST]
    whole = _estimate(runs, after, before, level, metric)
    seeds = [
        _estimate(runs, (one,), (other,), level, metric).value
        for one, other in zip(after, before, strict=True)
    ]
    return {"value": whole.value, "interval": whole.interval(), "seeds": seeds}


def _estimate(
    runs: Runs, after: Sequence[int], before: Sequence[int], level: str, metric: str
) -> Estimate:
    parts = []
    for task in range(len(runs.grids)):
        groups = [runs.groups(run, level)[task] for run in (*after, *before)]
        slopes = [1 / len(after)] * len(after) + [-1 / len(before)] * len(before)
        influences = [_influence(metric, group) for group in groups]
        terms = list(zip(slopes, influences, strict=True))
        value = sum(slope * one.value for slope, one in terms)
        families = groups[0].families[: len(influences[0].weights)]
        parts.append(estimate(linear(value, terms), families, kind="difference"))
    return mean_of(parts)


def _influence(metric: str, group: Group) -> Influence:
    influence_of = get_measure(metric).influence
    found = influence_of(group) if influence_of else None
    if found is None:
        raise SystemExit(f"{metric} is undefined on {group.task}")
    return found


if __name__ == "__main__":
    main()
