"""How often a run without drops is said to have one: `python benchmarks/false_alarms.py`.

Each simulated run has four levels that cost nothing: a prompt has a skill and luck of its own, an
example a difficulty, and a part of each cell's luck is the example's (all on the logit scale).
Printed are the shares of runs in which some level's interval leaves out 0, in which some level is
called significant, which takes the adjusted p value, and in which some variant's own drop is.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd

from harness.core.records import LEVELS
from harness.metrics.summary import summarize
from harness.metrics.task_facts import TaskFacts
from harness.results.summary import Summary
from reports.reading import read_levels

TASK = "simulated"
LABELS = ("no", "yes")
CONFIDENCE = 0.95


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--instructions", type=int, default=12)
    parser.add_argument("--examples", type=int, default=100)
    options = parser.parse_args()
    found = [
        alarms(simulate(seed, options.instructions, options.examples))
        for seed in range(options.runs)
    ]
    by_interval, significant, by_variant = (100 * share for share in np.mean(found, axis=0))
    sys.stdout.write(
        f"{options.runs} runs without a drop, {options.instructions} instructions, "
        f"{options.examples} examples, {len(LEVELS) - 1} levels\n"
        f"some interval leaves out 0: {by_interval:.1f} %\n"
        f"some level is called significant: {significant:.1f} %\n"
        f"some variant is called significant: {by_variant:.1f} %\n"
    )


def alarms(summary: Summary) -> tuple[bool, bool, bool]:
    """Whether some level's interval leaves out 0, and some level or variant is significant."""
    groups = read_levels(summary.levels, above_chance=True, confidence=CONFIDENCE).values()
    ends = [group.stats.drop.interval for group in groups if group.stats.drop]
    outside = any(interval and interval[0] * interval[1] > 0 for interval in ends)
    single = any(one.drop_p_adjusted < 1 - CONFIDENCE for one in summary.worst_variants)
    return outside, any(group.reading.is_significant for group in groups), single


def simulate(seed: int, instructions: int, examples: int) -> Summary:
    """The summary of a run."""
    rng = np.random.default_rng(seed)
    prompts = len(LEVELS) * instructions
    skill = np.tile(0.3 * rng.normal(size=instructions), len(LEVELS))
    ability = 1 + 1.2 * rng.normal(size=examples) + skill[:, None]
    ability += 0.1 * rng.normal(size=(prompts, 1))
    shared, own = rng.logistic(size=examples), rng.logistic(size=(prompts, examples))
    right = np.where(rng.random((prompts, examples)) < 0.6, shared, own) < ability
    variants = _variants(instructions)
    facts = TaskFacts(chance=1 / len(LABELS), labels=LABELS)
    return summarize(
        _samples(variants, right),
        variants,
        {TASK: facts},
        seed=0,
        confidence=CONFIDENCE,
        resamples=2,
    )


def _variants(instructions: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": f"{level}-{number}",
            "task": TASK,
            "level": level,
            "perturbation": level,
            "instruction_id": f"i{number}",
            "index": 0,
            "text": f"{level} variant {number}",
        }
        for level in LEVELS
        for number in range(instructions)
    )


def _samples(variants: pd.DataFrame, right: np.ndarray) -> pd.DataFrame:
    """One row a cell."""
    prompts, examples = right.shape
    gold = np.tile(np.array(LABELS)[np.arange(examples) % 2], prompts)
    other = np.where(gold == LABELS[0], LABELS[1], LABELS[0])
    columns = ("task", "level", "perturbation", "instruction_id")
    return pd.DataFrame(
        {
            "variant_id": np.repeat(variants["id"].to_numpy(), examples),
            "example_id": np.tile([f"e{number}" for number in range(examples)], prompts),
            **{name: np.repeat(variants[name].to_numpy(), examples) for name in columns},
            "gold": gold,
            "prediction": np.where(right.ravel(), gold, other),
            "correct": right.ravel(),
            "score": right.ravel().astype(np.float64),
            "parsed": True,
            "scorer": "loglik",
        }
    )


if __name__ == "__main__":
    main()
