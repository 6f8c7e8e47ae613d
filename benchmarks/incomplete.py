"""Runs that ask a part of their grid: `python benchmarks/incomplete.py [--runs 600]`.

Each simulated run draws instructions, perturbations, variants and examples afresh from a logistic
mixed model, asks the cells that `harness.evaluation.design` chooses for a share, and is measured by
what a summary would print. The first table counts how often 95 % intervals hold the truth of the
population, for accuracy, drop, consistency and the accuracy difference of two runs of one design,
with their mean width beside the full grid's. It also says how far off the worst variant and two
quantiles are on average from those of the full grid of the same run (of the first 100 runs), from
the variants' own cells and as estimated. The second table counts, for each metric, the settings
whose coverage is below 93 or above 97 % beyond what so many runs leave open (Wilson's 95 % interval
of the share lies outside), and compares an interval's half-width with the standard deviation that
the estimates really had. Every row has a seed of its own.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from harness.evaluation.design import Design
from harness.metrics.accuracy import prompt_accuracies
from harness.metrics.ensembles import accuracy_ensemble
from harness.metrics.grid import Group
from harness.metrics.influences import of_accuracy, of_consistency, of_drop
from harness.stats.arrays import Booleans, Floats
from harness.stats.estimate import Estimate, wilson
from harness.stats.twoway import FEWEST, estimate, influence_of_change
from harness.stats.variant_means import leave_out_means

SHARES = (1.0, 0.5, 0.2, 0.1)
SHAPES = ((2, 1, 100), (3, 8, 25), (4, 5, 105), (6, 4, 100), (12, 5, 400), (6, 20, 200))
"""Instructions, perturbations, examples."""
DEFAULT = (4, 5, 105)
"""The shape of a level of a task in a run of 4,000 cells of the starter suite, and its share."""
DEFAULT_SHARE = 0.045
BAND = (0.93, 0.97)
"""Between these an interval of 95 % should hold the truth."""
METRICS = ("accuracy", "drop", "consistency", "difference")
QUANTILES = (0.05, 0.25)
EXTREME_RUNS = 100
MANY = 4000
"""Examples of the runs that the truth is taken from."""
GAIN = 0.3
"""What the second of two runs is better by, in logits."""


@dataclass(frozen=True)
class World:
    """A population; all effects are standard deviations in logits."""

    name: str
    centre: float
    instructions: float = 0.35
    variants: float = 0.25
    change: float = -0.4
    """What a perturbation costs on average."""
    changes: float = 0.2
    """How much that varies over the perturbations of a level, which are taken as given."""
    examples: float = 1.8
    meetings: float = 0.4
    cells: float = 0.5
    gains: float = 0.15
    """How much what the second model is better by varies over instructions."""


WORLDS = (
    World("middling", 0.0),
    World("good", 1.5),
    World("very good", 3.0),
    World("prompts differ", 1.0, instructions=0.8, variants=0.5),
    World("perturbations cost nothing", 1.0, change=0.0, changes=0.0),
)


@dataclass(frozen=True)
class Answers:
    """Right (1) and wrong (0) answers of two models to every cell, and to clean ones."""

    first: Floats  # [K, N]
    second: Floats  # [K, N]
    clean: Floats  # [K, N]
    families: np.ndarray  # [K]


def answer(world: World, shape: tuple[int, int, int], rng: np.random.Generator) -> Answers:
    """A full grid, by two models that share most of their luck."""
    count, each, examples = shape
    families = np.repeat(np.arange(count), each)
    ability = world.centre + world.examples * rng.normal(size=(1, examples))
    ability = ability + world.instructions * rng.normal(size=(count, 1))
    ability = ability + world.meetings * rng.normal(size=(count, examples))
    change = world.change + world.changes * _scores(each)
    change = (change + world.variants * rng.normal(size=(count, each))).reshape(-1, 1)
    luck = rng.logistic(size=(count * each, examples))
    own = ability[families] + change + world.cells * rng.normal(size=luck.shape)
    other = np.where(rng.random(luck.shape) < 0.6, luck, rng.logistic(size=luck.shape))
    moved = GAIN + world.gains * rng.normal(size=(count, 1))[families]
    clean = rng.logistic(size=ability.shape) < ability
    return Answers(
        first=(luck < own).astype(np.float64),
        second=(other < own + moved).astype(np.float64),
        clean=clean[families].astype(np.float64),
        families=families,
    )


def _scores(count: int) -> Floats:
    """What perturbations cost above their mean [1, count]: a level's are given, not drawn."""
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(count)[None, :] + 0.5) / count))


def asked_group(answers: Answers, mask: Booleans) -> Group:
    """What a run has of the first model's answers if it asks these cells."""
    prompts, examples = mask.shape
    gold = np.arange(examples) % 2
    first = np.unique(answers.families, return_index=True)[1]
    score = np.where(mask, answers.first, 0.0)
    cells = np.vstack([score, answers.clean[first]])
    there = np.vstack([mask, np.ones((len(first), examples), dtype=np.bool_)])
    return Group(
        task="simulated",
        rows=np.arange(prompts),
        variants=tuple(map(str, range(prompts))),
        examples=tuple(map(str, range(examples))),
        families=answers.families,
        score=score,
        answer=np.where(score > 0, gold, 1 - gold).astype(np.int16),
        present=mask,
        clean_score=answers.clean,
        clean_answer=np.where(answers.clean > 0, gold, 1 - gold).astype(np.int16),
        matched=mask,
        classes=2,
        planned=mask.size,
        clean_present=np.ones(mask.shape, dtype=np.bool_),
        others=leave_out_means(cells, there)[:prompts],
    )


def measured(answers: Answers, group: Group) -> Mapping[str, Estimate]:
    """The metrics of a run, and the difference of the two models on its cells."""
    accuracy = of_accuracy(group)
    second = np.where(group.present, answers.second, 0.0)
    found = {
        "accuracy": (accuracy, "share"),
        "drop": (of_drop(group), "difference"),
        "consistency": (of_consistency(group), "share"),
        "difference": (influence_of_change(second, group.score, accuracy.weights), "difference"),
    }
    return {
        name: estimate(influence, group.families, kind=kind)  # type: ignore[arg-type]
        for name, (influence, kind) in found.items()
        if influence is not None
    }


@cache
def truth(world: World, shape: tuple[int, int, int]) -> Mapping[str, float]:
    """The population's values, from runs with very many examples."""
    rng = np.random.default_rng(1)
    count, each, _ = shape
    found = []
    for _ in range(max(24, 1200 // count)):
        answers = answer(world, (count, each, MANY // 2), rng)
        right, prompts = answers.first.sum(axis=0), count * each
        pairs = right * (right - 1) + (prompts - right) * (prompts - right - 1)
        found.append(
            [
                answers.first.mean(),
                (answers.clean - answers.first).mean(),
                (pairs / (prompts * (prompts - 1))).mean(),
                (answers.second - answers.first).mean(),
            ]
        )
    return dict(zip(METRICS, np.mean(found, axis=0).tolist(), strict=True))


@dataclass(frozen=True)
class Row:
    """What the runs of one world, shape and share showed."""

    held: Mapping[str, float]
    """Metric -> the share of runs whose interval holds the truth."""
    widths: Mapping[str, float]
    reach: Mapping[str, float]
    """Metric -> half the mean width over the standard deviation of the values."""
    raw: Floats
    """How far off the worst variant and the quantiles are, from own cells; in points."""
    estimated: Floats


def simulate(world: World, shape: tuple[int, int, int], share: float, runs: int) -> Row:
    """Runs of one world, shape and share."""
    rng = np.random.default_rng([*shape, WORLDS.index(world)])
    if shape[0] * shape[1] < FEWEST:  # taken as given, so they must not differ by luck
        world = replace(world, instructions=0.0, variants=0.0, meetings=0.0, gains=0.0)
    known = truth(world, shape)
    held: dict[str, list[bool]] = {name: [] for name in METRICS}
    widths: dict[str, list[float]] = {name: [] for name in METRICS}
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    off = []
    names = [str(one) for one in range(shape[0] * shape[1])]
    for run in range(runs):
        answers = answer(world, shape, rng)
        group = asked_group(answers, Design(share, run).cells("level", names, shape[2]))
        group = _used(group)
        for name, found in measured(answers, group).items():
            low, high = found.interval() or (np.nan, np.nan)
            held[name].append(bool(low <= known[name] <= high))
            widths[name].append(high - low)
            values[name].append(found.value)
        if run < EXTREME_RUNS:
            off.append(_off(answers, group))
    raw, estimated = 100 * np.mean(off, axis=0)
    return Row(
        held={name: _mean(own) for name, own in held.items()},
        widths={name: _mean(own) for name, own in widths.items()},
        reach={name: _mean(widths[name]) / 2 / _spread(own) for name, own in values.items()},
        raw=raw,
        estimated=estimated,
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values)) if values else math.nan


def _used(group: Group) -> Group:
    """The group, its holes marked as none where it has none."""
    return group if group.has_holes else replace(group, others=None)


def _off(answers: Answers, group: Group) -> tuple[Floats, Floats]:
    full = answers.first.mean(axis=1)
    expected = np.array([full.min(), *np.quantile(full, QUANTILES)])
    own = prompt_accuracies(group.score, group.present)
    found = accuracy_ensemble(group)
    estimated = np.array([found.value("lowest"), *found.quantiles(QUANTILES)])
    return np.array([own.min(), *np.quantile(own, QUANTILES)]) - expected, estimated - expected


def rows(runs: int) -> Iterator[str]:
    """Both tables, line by line, as Markdown."""
    head = "| world | G x V x N | share "
    yield head + "".join(f"| {name} " for name in METRICS) + "| worst | .05 | .25 |"
    yield "| --- | --- | --: " + "| --: " * (len(METRICS) + 3) + "|"
    found: list[Row] = []
    for world in WORLDS:
        for shape in SHAPES:
            full: Row | None = None
            for share in (*SHARES, DEFAULT_SHARE) if shape == DEFAULT else SHARES:
                if share * shape[0] * shape[1] < 0.89:
                    continue
                row = simulate(world, shape, share, runs)
                full = full or row
                found.append(row)
                yield _line(world, shape, share, row, full)
    yield from summarise(found, runs)


def summarise(found: Sequence[Row], runs: int) -> Iterator[str]:
    """The second table."""
    yield ""
    yield "| metric | settings | mean | least | most | below 93 | above 97 | half-width / sd |"
    yield "| --- | " + "--: | " * 7
    for name in METRICS:
        held = [row.held[name] for row in found if not math.isnan(row.held[name])]
        reach = [row.reach[name] for row in found if not math.isnan(row.held[name])]
        ends = [wilson(share, runs, 1.96) for share in held]
        below, above = (
            sum(high < BAND[0] for _, high in ends), sum(low > BAND[1] for low, _ in ends)
        )  # fmt: skip
        mean, least, most = (100 * float(of(held)) for of in (np.mean, np.min, np.max))
        yield (
            f"| {name} | {len(held)} | {mean:.1f} | {least:.1f} | {most:.1f} | {below} | {above} "
            f"| {np.mean(reach):.2f} (at most {np.max(reach):.1f}) |"
        )


def _line(world: World, shape: tuple[int, int, int], share: float, row: Row, full: Row) -> str:
    size = " x ".join(map(str, shape))
    cells = [_cell(row.held[name], row.widths[name], full.widths[name]) for name in METRICS]
    off = [f"{a:+.1f} → {b:+.1f}" for a, b in zip(row.raw, row.estimated, strict=True)]
    return f"| {world.name} | {size} | {share:g} | " + " | ".join([*cells, *off]) + " |"


def _cell(held: float, width: float, full: float) -> str:
    return "–" if math.isnan(held) else f"{100 * held:.1f} ({width / full:.2f})"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=600)
    for line in rows(parser.parse_args().runs):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
