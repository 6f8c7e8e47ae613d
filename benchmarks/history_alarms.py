"""How often a history without changes shows one: `python benchmarks/history_alarms.py`.

Each simulated history has runs of one model at five levels. Runs differ only by luck: a model that
was trained again answers some cells otherwise, another draw of examples is another draw. Printed
are the shares of histories with any change point, or an overall change, and the share of a real
step of some points that is found where it happened.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from harness.history.changes import CONFIDENCE, Observation, adjust, measure_steps
from harness.results.quantity import Quantity
from harness.stats.arrays import Floats
from harness.stats.estimate import Estimate

LEVELS = 5
TASKS = 2


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--variants", type=int, default=12)
    parser.add_argument("--step", type=float, default=0.06)
    options = parser.parse_args()
    print(
        f"{options.histories} histories of {options.runs} runs, {LEVELS} levels, {TASKS} tasks of "
        f"{options.examples} examples under {options.variants} variants"
    )
    for name, luck, paired in (
        ("same cells, trained again", 0.4, True),
        ("same cells, few answers differ", 0.02, True),
        ("other examples each time", 0.4, False),
    ):
        for runs in sorted({2, options.runs}):
            found = [
                _alarm(np.random.default_rng([seed, runs]), runs, luck, paired, 0.0, options)
                for seed in range(options.histories)
            ]
            print(f"{name}, {runs} runs, no change: {100 * np.mean(found):.1f} %")
        found = [
            _alarm(np.random.default_rng(seed), options.runs, luck, paired, options.step, options)
            for seed in range(max(1, options.histories // 5))
        ]
        print(
            f"{name}, a step of {100 * options.step:g} points found: {100 * np.mean(found):.1f} %"
        )


def _alarm(
    rng: np.random.Generator,
    runs: int,
    luck: float,
    paired: bool,
    step: float,
    options: argparse.Namespace,
) -> bool:
    """Whether a history has a change; with a step, whether one stands at its place."""
    trends = [
        [*_history(rng, runs, luck, paired, step, options.examples, options.variants)]
        for _ in range(LEVELS)
    ]
    steps = [measure_steps(trend) for trend in trends]
    ends = [measure_steps([trend[0], trend[-1]]) for trend in trends if runs > 2]
    adjusted = adjust([change for part in (*steps, *ends) for change in part])
    significant = [change.significant for change in adjusted]
    if not step:
        return any(significant)
    return any(significant[level * (runs - 1) + runs // 2 - 1] for level in range(LEVELS))


def _history(
    rng: np.random.Generator,
    runs: int,
    luck: float,
    paired: bool,
    step: float,
    examples: int,
    variants: int,
) -> Iterator[Observation]:
    """Runs of one level: an example has a probability of a right answer, a run has luck."""
    ease = [rng.beta(2, 1, size=examples) for _ in range(TASKS)]
    base = [rng.random((variants, examples)) for _ in range(TASKS)]
    for run in range(runs):
        lost = step if run >= runs // 2 else 0.0
        if not paired:
            ease = [rng.beta(2, 1, size=examples) for _ in range(TASKS)]
            base = [rng.random((variants, examples)) for _ in range(TASKS)]
        means = tuple(
            _answer(rng, odds, luck, old, lost) for odds, old in zip(ease, base, strict=True)
        )
        yield Observation(
            _quantity(means),
            cells=b"same" if paired else b"",
            by_task=tuple(task.astype(np.float32) for task in means),
        )


def _answer(
    rng: np.random.Generator, ease: Floats, luck: float, base: Floats, lost: float
) -> Floats:
    """Mean scores by example [N]: a share `luck` of the cells draws anew in this run."""
    drawn = np.where(rng.random(base.shape) < luck, rng.random(base.shape), base)
    means: Floats = (drawn < ease - lost).mean(axis=0)
    return means


def _quantity(means: tuple[Floats, ...]) -> Quantity:
    value = float(np.mean([task.mean() for task in means]))
    variance = float(sum(task.var(ddof=1) / len(task) for task in means)) / len(means) ** 2
    estimate = Estimate(value, variance, len(means[0]) - 1, len(means[0]), "share", "examples")
    return Quantity(value, estimate.interval(CONFIDENCE))


if __name__ == "__main__":
    main()
