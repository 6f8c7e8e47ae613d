"""What the arms came to: each figure a mean over seeds, each difference paired with its interval.

    python experiments/coin/measure.py experiments/coin/small.yaml --out runs/experiment/small

With --search: the candidates on validation data, best first; printed, and in OUT/search.json.

A difference between two arms is that of their mean over seeds on the same cells. Its interval is
the two-way one of `harness compare` (examples and instructions drawn anew for all runs at once);
seeds are few and taken as given, so every seed's own difference stands beside it. What is not
defined, such as the consistency of one prompt, is null.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from commands import Config
from steps import AGAINST, VALIDATION, against, read_config, seeds_of, takes_part

from harness.comparison import run_data
from harness.comparison.alignment import align_runs
from harness.core.records import CLEAN
from harness.metrics.accuracy import null_spread
from harness.metrics.grid import Grid, Group
from harness.metrics.measures import get_measure, measure, resample_grid
from harness.results.rundir import load_run
from harness.stats.arrays import Integers
from harness.stats.estimate import Estimate, mean_of
from harness.stats.twoway import estimate, linear

LEVELS = ("clean", "character", "word", "sentence", "semantic")
PERTURBED = "four levels"
NULL_SPREAD = "null_spread"
METRICS = ("accuracy", "worst_prompt_accuracy", "consistency", "spread", NULL_SPREAD)
COMPARED = ("accuracy", "consistency")


@dataclass(frozen=True)
class Runs:
    """All runs of an evaluation on their shared cells."""

    arms: Mapping[str, Mapping[int, int]]
    """Arm -> seed -> the place of its run."""
    grids: Mapping[str, Sequence[Grid]]
    """Task -> a grid for each run."""
    instructions: frozenset[str] | None = None
    """Only these, if there are any."""

    def group(self, task: str, run: int, level: str) -> Group | None:
        """A run's cells of a task and a level, or of all four."""
        grid = self.grids[task][run]
        rows = _rows(grid, level)
        if self.instructions is not None:
            own = [grid.instructions[row] in self.instructions for row in rows]
            rows = rows[np.array(own, dtype=np.bool_)]
        return grid.group(rows)


def main() -> None:
    """Write OUT/results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--search", action="store_true", help="candidates on validation data")
    options = parser.parse_args()
    config = read_config(options.config)
    if options.search:
        candidates = {arm: [0] for arm in config["search"]["candidates"]}
        runs = read_runs(options.out / VALIDATION, candidates)
        text = json.dumps(rank(runs) if runs else {}, indent=2)
        (options.out / "search.json").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{text}\n")
        return
    evaluations = {
        test: found
        for test in config["evaluations"]
        if (found := _evaluation(config, test, options.out))
    }
    trained = [
        arm for arm in config["arms"] if any(arm in one["levels"] for one in evaluations.values())
    ]
    results = {
        "best": config.get("best"),
        "evaluations": evaluations,
        "cost": {arm: cost(options.out, arm, config) for arm in trained},
    }
    text = json.dumps(results, indent=2) + "\n"
    (options.out / "results.json").write_text(text, encoding="utf-8")


def read_runs(folder: Path, arms: Mapping[str, Sequence[int]]) -> Runs | None:
    """The finished runs below a folder, on the cells that all of them have, if there are two."""
    names = {"untouched": {0: "untouched"}, "start": {0: "start"}}
    names |= {arm: {seed: f"{arm}-{seed}" for seed in seeds} for arm, seeds in arms.items()}
    finished = {
        arm: {seed: name for seed, name in own.items() if (folder / name / "summary.json").exists()}
        for arm, own in names.items()
    }
    flat = [name for own in finished.values() for name in own.values()]
    if len(flat) < 2:
        return None
    aligned = align_runs([run_data(load_run(folder / name)) for name in flat])
    places = {
        arm: {seed: flat.index(name) for seed, name in own.items()}
        for arm, own in finished.items()
        if own
    }
    return Runs(places, aligned.grids)


def rank(runs: Runs) -> dict[str, dict[str, float | None]]:
    """Candidate -> its accuracy by level, worst prompt and consistency; best first."""
    levels = {arm: _levels(runs, arm) for arm in runs.arms}
    order = sorted(levels, key=lambda arm: -(levels[arm][PERTURBED]["accuracy"] or 0))
    return {
        arm: {
            **{level: levels[arm][level]["accuracy"] for level in (*LEVELS, PERTURBED)},
            "worst prompt": levels[arm][PERTURBED]["worst_prompt_accuracy"],
            "consistency": levels[arm][PERTURBED]["consistency"],
        }
        for arm in order
    }


def _evaluation(config: Config, test: str, out: Path) -> dict[str, Any] | None:
    """The figures of one evaluation, if two of its runs are finished."""
    arms = {arm: seeds_of(config, arm) for arm in config["arms"] if takes_part(config, test, arm)}
    runs = read_runs(out / test, arms)
    if runs is None:
        return None
    return {
        "tasks": list(runs.grids),
        "seeds": {arm: len(places) for arm, places in runs.arms.items()},
        "cells": int(sum(own[0].present.sum() for own in runs.grids.values())),
        "examples": {task: len(own[0].examples) for task, own in runs.grids.items()},
        "instructions": {task: len(set(own[0].instructions)) for task, own in runs.grids.items()},
        "levels": {arm: _levels(runs, arm) for arm in runs.arms},
        "by_task": {
            arm: {task: _levels(_only(runs, task), arm) for task in runs.grids} for arm in runs.arms
        },
        "against": {
            arm: {"arm": other, **_differences(runs, arm, other)}
            for arm in arms
            if arm in runs.arms
            and (other := against(config, arm)) != arm
            and _shared(runs, arm, other)
        },
        "by_instruction": _by_instruction(runs, config.get("best")),
    }


def _by_instruction(runs: Runs, arm: str | None) -> dict[str, dict[str, float | None]]:
    """Instruction -> accuracy over the four levels of the plain arm and of the best one."""
    if arm is None or not {arm, AGAINST} <= runs.arms.keys():
        return {}
    found = {}
    for task, grids in runs.grids.items():
        for instruction in dict.fromkeys(grids[0].instructions):
            part = replace(_only(runs, task), instructions=frozenset({instruction}))
            found[f"{task} {instruction}"] = {
                one: _mean(part, one, PERTURBED, "accuracy") for one in (AGAINST, arm)
            }
    return found


def _only(runs: Runs, task: str) -> Runs:
    return replace(runs, grids={task: runs.grids[task]})


def cost(out: Path, arm: str, config: Config) -> dict[str, float]:
    """Tokens a second and peak memory of an arm's first training, from its own log."""
    log = out / "arms" / f"{arm}-{seeds_of(config, arm)[0]}" / "log.jsonl"
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


def _levels(runs: Runs, arm: str) -> dict[str, dict[str, float | None]]:
    """Level -> metric -> its mean over tasks and seeds."""
    return {
        level: {metric: _mean(runs, arm, level, metric) for metric in METRICS}
        for level in (*LEVELS, PERTURBED)
    }


def _mean(runs: Runs, arm: str, level: str, metric: str) -> float | None:
    values = []
    for place in runs.arms[arm].values():
        for task, grids in runs.grids.items():
            value = _value(grids[place], runs.group(task, place, level), metric)
            if np.isnan(value):
                return None
            values.append(value)
    return float(np.mean(values))


def _value(grid: Grid, group: Group | None, metric: str) -> float:
    if group is None:
        return np.nan
    if metric == NULL_SPREAD:
        return null_spread(group.score, group.present)
    # Values alone are asked for, so one resample is enough.
    found = measure(metric, group, resample_grid(grid, 0, 2))
    return found.value if found else np.nan


def _differences(runs: Runs, arm: str, other: str) -> dict[str, dict[str, object]]:
    """Level -> metric -> the arm less the other one."""
    return {
        level: {metric: _difference(runs, arm, other, level, metric) for metric in COMPARED}
        for level in (*LEVELS, PERTURBED)
    }


def _difference(
    runs: Runs, arm: str, other: str, level: str, metric: str
) -> dict[str, object] | None:
    shared = _shared(runs, arm, other)
    after = [runs.arms[arm][seed] for seed in shared]
    before = [runs.arms[other][seed] for seed in shared]
    whole = _estimate(runs, after, before, level, metric)
    seeds = [
        _estimate(runs, [one], [another], level, metric)
        for one, another in zip(after, before, strict=True)
    ]
    if whole is None:
        return None
    values = [one.value for one in seeds if one]
    return {"value": whole.value, "interval": whole.interval(), "seeds": values}


def _shared(runs: Runs, arm: str, other: str) -> list[int]:
    """The seeds of two arms."""
    return sorted(set(runs.arms.get(arm, {})) & set(runs.arms.get(other, {})))


def _estimate(
    runs: Runs, after: Sequence[int], before: Sequence[int], level: str, metric: str
) -> Estimate | None:
    parts = []
    influence_of = get_measure(metric).influence
    for task in runs.grids:
        groups = [runs.group(task, run, level) for run in (*after, *before)]
        influences = [influence_of(one) if influence_of and one else None for one in groups]
        if groups[0] is None or any(one is None for one in influences):
            return None
        slopes = [1 / len(after)] * len(after) + [-1 / len(before)] * len(before)
        terms = [(slope, one) for slope, one in zip(slopes, influences, strict=True) if one]
        value = sum(slope * one.value for slope, one in terms)
        families = groups[0].families[: len(terms[0][1].weights)]
        parts.append(estimate(linear(value, terms), families, kind="difference"))
    return mean_of(parts)


if __name__ == "__main__":
    main()
