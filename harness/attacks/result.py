"""What an attack found, measured on examples that the search never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from harness.attacks.victim import Victim
from harness.core.records import Example, Variant, stable_id
from harness.results.jsonfiles import Json
from harness.stats.arrays import Floats
from harness.stats.estimate import Estimate
from harness.stats.paired import count_changes, example_sign_test
from harness.stats.twoway import estimate, influence_of_mean
from perturbations import clean_variant
from perturbations.labels import keeps_labels
from perturbations.search.candidates import Candidate, Problem
from perturbations.search.recipes import Outcome, Step


def found_variants(problem: Problem, outcome: Outcome, recipe: str, seed: int) -> list[Variant]:
    """The clean instruction and the one that was found, as variants that can be replayed."""
    clean = clean_variant(problem.task, problem.instruction)
    if outcome.best.text == clean.text:
        return [clean]
    best = outcome.best
    attacked = Variant(
        id=stable_id(problem.task, problem.instruction.id, recipe, best.text),
        task=problem.task,
        level=problem.level,
        perturbation=recipe,
        instruction_id=problem.instruction.id,
        index=0,
        seed=seed,
        text=best.text,
        original=problem.subject.text,
        edits=best.edits,
        validity=problem.validity(best),
    )
    return [clean, attacked]


def describe_found(problem: Problem, candidate: Candidate) -> Json:
    """The text that was found and how far it is from the original."""
    return {
        "text": candidate.text,
        "original": problem.subject.text,
        "chain": list(candidate.chain),
        "edits": [asdict(edit) for edit in candidate.edits],
        **asdict(problem.validity(candidate)),
        "label_words_intact": keeps_labels(
            problem.subject.text, candidate.text, problem.subject.label_words
        ),
    }


def measure_report(
    victim: Victim, clean: str, attacked: str, examples: Sequence[Example], confidence: float
) -> Json:
    """Accuracy before and after on the report split, and the drop with its interval.

    The interval is Student's t over the examples' paired differences; p is the exact sign test's,
    which is McNemar's where answers are right or wrong.
    """
    texts = list(dict.fromkeys([clean, attacked]))
    victim.ask(((text, examples) for text in texts), "report")
    before = np.array([victim.query(clean, example).score for example in examples])
    after = np.array([victim.query(attacked, example).score for example in examples])
    test = example_sign_test(after - before)
    gained, lost = count_changes(before, after)
    drop = _paired_drop(before, after)
    return {
        "examples": len(examples),
        "clean_accuracy": float(before.mean()),
        "accuracy": float(after.mean()),
        "drop": drop.value,
        "drop_ci": drop.interval(confidence),
        "confidence": confidence,
        "right_to_wrong": lost,
        "wrong_to_right": gained,
        "sign_test_p": test.p,
    }


def describe_steps(steps: Sequence[Step]) -> list[Json]:
    """The steps of a search, for its record."""
    return [
        {
            "name": step.name,
            "candidates": step.candidates,
            "best": step.best.text,
            "chain": list(step.best.chain),
            "damage": step.damage,
            "depth": step.depth,
            "spent": step.spent,
        }
        for step in steps
    ]


def _paired_drop(before: Floats, after: Floats) -> Estimate:
    change = (before - after)[None, :]
    influence = influence_of_mean(change, np.full(change.shape, 1 / change.size))
    return estimate(influence, np.zeros(1, dtype=np.int64), kind="difference")
