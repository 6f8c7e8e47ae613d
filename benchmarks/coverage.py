"""How often the intervals hold the truth: `python benchmarks/coverage.py [--runs 1000] [--plain]`.

Each simulated run draws prompts and examples afresh from a latent model (a prompt has a skill, an
example a difficulty, a cell its own noise, all normal on the logit scale), answers a task with two
labels and asks for the 95 % interval of a metric whose true value is known from the model; extremes
over prompts (200 resamples) are held against those of these very prompts. With
`--plain` the plain percentile interval of the two-way bootstrap stands beside it, which takes an
hour instead of minutes. Every cell of the table has a seed of its own, so all repeat exactly.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from harness.metrics.grid import Group
from harness.metrics.influences import of_accuracy, of_consistency, of_drop
from harness.metrics.measures import measure
from harness.stats.arrays import Floats
from harness.stats.bootstrap import resample_means, resample_prompt_means
from harness.stats.estimate import Interval, Kind
from harness.stats.twoway import estimate

CONFIDENCE = 0.95
RESAMPLES = 200
RELATED_SIZES = ((6, 100), (12, 100))
"""Instructions and examples of the table of related variants."""


@dataclass(frozen=True)
class World:
    """A population of prompts and examples; all effects in logits."""

    name: str
    centre: float
    prompts: float
    examples: float
    cells: float = 0.3
    change: float = -0.4
    """What a perturbation costs on average, and `prompts` is how much that varies."""

    def accuracy(self) -> float:
        """The true accuracy."""
        return _expected(self.centre, self.prompts**2 + self.examples**2 + self.cells**2)

    def consistency(self) -> float:
        """The true share of prompt pairs that agree on an example."""
        points, weights = np.polynomial.hermite_e.hermegauss(60)
        noise = self.prompts**2 + self.cells**2
        right = np.array([_expected(self.centre + self.examples * x, noise) for x in points])
        return float((weights / weights.sum() * (right**2 + (1 - right) ** 2)).sum())

    def drop(self) -> float:
        """The true loss from clean prompts to their variants."""
        noise = self.examples**2 + self.cells**2 + 0.5**2
        after = _expected(self.centre + self.change, noise + self.prompts**2)
        return _expected(self.centre, noise) - after

    def accuracies_of(self, skill: Floats) -> Floats:
        """The true accuracies of prompts with this skill [K]."""
        points, weights = np.polynomial.hermite_e.hermegauss(80)
        ability = self.centre + np.hypot(self.examples, self.cells) * points
        right: Floats = (weights / weights.sum() / (1 + np.exp(-ability - skill[:, None]))).sum(
            axis=1
        )
        return right


WORLDS = (
    World("middling, mild prompts", centre=0.0, prompts=0.3, examples=1.5),
    World("good, mild prompts", centre=1.5, prompts=0.3, examples=1.5),
    World("good, prompts differ", centre=1.5, prompts=0.8, examples=1.5),
    World("very good, prompts differ", centre=3.0, prompts=0.6, examples=1.5),
    World("prompts do not differ", centre=1.0, prompts=0.0, examples=1.0),
    World("nearly always right", centre=4.8, prompts=0.6, examples=1.5),
    World("nearly always right, some prompts fail", 4.8, prompts=1.0, examples=1.5, change=-0.8),
)
SIZES = ((3, 100), (6, 50), (6, 300), (12, 100), (18, 50), (24, 100), (40, 50), (40, 300))
EXTREME_SIZES = ((6, 50), (12, 100), (40, 50))
EXTREMES: dict[str, Callable[[Floats], np.floating]] = {
    "best_prompt_accuracy": np.max, "worst_prompt_accuracy": np.min, "spread": np.ptp,
}  # fmt: skip


def simulate_group(
    world: World, prompts: int, examples: int, rng: np.random.Generator, *, variants: int = 1
) -> Group:
    """A group of answers of `world`: `prompts` instructions with so many variants of each.

    Variants share three quarters of the variance of their prompts' skill.
    """
    own = rng.normal(size=(prompts, variants)) * (0.5 if variants > 1 else 0.0)
    shared = rng.normal(size=(prompts, 1)) * (np.sqrt(0.75) if variants > 1 else 1.0)
    skill = world.prompts * (shared + own).reshape(-1, 1)
    return simulate_answers(world, skill, examples, rng, variants=variants)


def simulate_answers(
    world: World, skill: Floats, examples: int, rng: np.random.Generator, *, variants: int = 1
) -> Group:
    """Answers of `world` to prompts whose skill [K, 1] is given."""
    prompts = len(skill)
    ability = world.centre + world.examples * rng.normal(size=(1, examples))
    ability = ability + world.cells * rng.normal(size=(prompts, examples))
    right = rng.logistic(size=(prompts, examples)) < ability + skill
    nothing = np.zeros_like(right, dtype=np.float64)
    return make_group(right.astype(np.float64), nothing, rng, variants)


def simulate_drop(world: World, prompts: int, examples: int, rng: np.random.Generator) -> Group:
    """Clean prompts and one variant of each, which mostly answer alike."""
    shape = (prompts, examples)
    ability = world.centre + world.examples * rng.normal(size=(1, examples))
    ability = ability + world.cells * rng.normal(size=shape) + 0.5 * rng.normal(size=(prompts, 1))
    luck = rng.logistic(size=shape)
    change = world.change + world.prompts * rng.normal(size=(prompts, 1))
    own = np.where(rng.random(shape) < 0.7, luck, rng.logistic(size=shape))
    score = (own < ability + change).astype(np.float64)
    return make_group(score, (luck < ability).astype(np.float64), rng)


def make_group(score: Floats, clean: Floats, rng: np.random.Generator, variants: int = 1) -> Group:
    """A group of right (1) and wrong (0) cells, all there, beside their clean ones."""
    prompts, examples = score.shape
    gold = rng.integers(2, size=examples)
    everywhere = np.ones(score.shape, dtype=np.bool_)
    return Group(
        task="simulated",
        rows=np.arange(prompts),
        variants=tuple(map(str, range(prompts))),
        examples=tuple(map(str, range(examples))),
        families=np.arange(prompts) // variants,
        score=score,
        answer=np.where(score > 0, gold, 1 - gold).astype(np.int16),
        present=everywhere,
        clean_score=clean,
        clean_answer=np.where(clean > 0, gold, 1 - gold).astype(np.int16),
        matched=everywhere,
        classes=2,
    )


def take_examples(group: Group, count: int) -> Group:
    """The group on its first examples alone."""
    cells = ("score", "answer", "present", "clean_score", "clean_answer", "matched")
    cut = {name: getattr(group, name)[:, :count] for name in cells}
    return replace(group, examples=group.examples[:count], **cut)


def interval_of(metric: str, group: Group) -> Interval:
    """The interval that a summary would print."""
    influence = {"accuracy": of_accuracy, "consistency": of_consistency, "drop": of_drop}[metric]
    found = influence(group)
    if found is None:
        raise ValueError(metric)
    kind: Kind = "difference" if metric == "drop" else "share"
    measured = estimate(found, group.families, kind=kind).interval(CONFIDENCE)
    if measured is None:
        raise ValueError(metric)
    return measured


def extreme_coverage(
    world: World, prompts: int, examples: int, runs: int
) -> dict[str, tuple[float, float]]:
    """For each extreme, the share of runs whose interval holds that of these very prompts, and its
    mean width."""
    rng = np.random.default_rng([prompts, examples, WORLDS.index(world)])
    held: dict[str, list[tuple[bool, float]]] = {metric: [] for metric in EXTREMES}
    for _ in range(runs):
        skill = world.prompts * rng.normal(size=(prompts, 1))
        group = simulate_answers(world, skill, examples, rng)
        truth = world.accuracies_of(skill[:, 0])
        resampled = resample_prompt_means(group.score, group.present, rng, RESAMPLES)
        for metric, extreme in EXTREMES.items():
            found = measure(metric, group, resampled)
            low, high = (found and found.interval(CONFIDENCE)) or (np.nan, np.nan)
            held[metric].append((bool(low - 1e-9 <= extreme(truth) <= high + 1e-9), high - low))
    means = {metric: np.mean(found, axis=0) for metric, found in held.items()}
    return {metric: (float(share), float(width)) for metric, (share, width) in means.items()}


def plain_bootstrap(metric: str, group: Group, rng: np.random.Generator) -> Interval | None:
    """The uncorrected percentile interval of the two-way bootstrap; None for pairs of prompts."""
    if metric == "consistency":
        return None
    score = group.score if metric == "accuracy" else group.clean_score - group.score
    means = resample_means(
        resample_prompt_means(score, group.present, rng, 400), group.families, rng
    )
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def coverage(
    metric: str,
    world: World,
    prompts: int,
    examples: int,
    runs: int,
    *,
    plain: bool = False,
    variants: int = 1,
) -> tuple[float, float, float]:
    """Share of runs whose interval holds the truth, its mean width, and the plain one's share."""
    rng = np.random.default_rng([prompts, examples, WORLDS.index(world)])
    truth = {"accuracy": world.accuracy, "consistency": world.consistency, "drop": world.drop}
    simulate = simulate_drop if metric == "drop" else partial(simulate_group, variants=variants)
    target, held, widths, plain_held = truth[metric](), [], [], []
    for _ in range(runs):
        group = simulate(world, prompts, examples, rng)
        low, high = interval_of(metric, group)
        held.append(low <= target <= high)
        widths.append(high - low)
        uncorrected = plain_bootstrap(metric, group, rng) if plain else None
        if uncorrected:
            plain_held.append(uncorrected[0] <= target <= uncorrected[1])
    nothing = float("nan")
    return float(np.mean(held)), float(np.mean(widths)), float(np.mean(plain_held or nothing))


def rows(runs: int, *, plain: bool) -> Iterator[str]:
    """The table, line by line, as Markdown; `plain` adds the uncorrected bootstrap's share."""
    yield f"95 % intervals over {runs} simulated runs: share that holds the truth (mean width)\n"
    yield "| metric | world | " + " | ".join(f"K={k} N={n}" for k, n in SIZES) + " |"
    yield "| --- " * (len(SIZES) + 2) + "|"
    for metric in ("accuracy", "drop", "consistency"):
        for world in WORLDS:
            found = [coverage(metric, world, k, n, runs, plain=plain) for k, n in SIZES]
            ours = " | ".join(_shown(held, width) for held, width, _ in found)
            yield f"| {metric} | {world.name} | {ours} |"
            if plain and metric != "consistency":
                theirs = " | ".join(f"{100 * share:.1f}" for _, _, share in found)
                yield f"| | *plain two-way percentile* | {theirs} |"
    sizes = ", ".join(f"K={k} N={n}" for k, n in EXTREME_SIZES)
    yield f"\nExtremes of the prompts as given, {sizes}:\n"
    for world in WORLDS:
        extremes = [extreme_coverage(world, k, n, runs) for k, n in EXTREME_SIZES]
        for metric in EXTREMES:
            cells = " | ".join(_shown(*one[metric]) for one in extremes)
            yield f"| {metric} | {world.name} | {cells} |"
    yield "\nAccuracy with four variants of each of K instructions, which share their luck:\n"
    for world in WORLDS[:3]:
        found = [coverage("accuracy", world, k, n, runs, variants=4) for k, n in RELATED_SIZES]
        shown = ", ".join(
            f"K={k} N={n}: {100 * held:.1f} ({width:.3f})"
            for (k, n), (held, width, _) in zip(RELATED_SIZES, found, strict=True)
        )
        yield f"- {world.name}: {shown}"


def _shown(held: float, width: float) -> str:
    return f"{100 * held:.1f} ({width:.3f})"


def _expected(centre: float, variance: float) -> float:
    """The mean of the logistic function over a normal with this centre and variance."""
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    return float(
        (weights / weights.sum() / (1 + np.exp(-centre - np.sqrt(variance) * points))).sum()
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--plain", action="store_true", help="beside it, the plain bootstrap's")
    options = parser.parse_args()
    for row in rows(options.runs, plain=options.plain):
        print(row, flush=True)


if __name__ == "__main__":
    main()
