"""A recipe of an attack in a package of its own: random search, which cleverer ones must beat."""

from __future__ import annotations

from random import Random

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS
from perturbations.search.candidates import Problem, draw
from perturbations.search.ledger import Ledger
from perturbations.search.recipes import Outcome, Recipe, record_step

DEPTH = 8
"""Examples that each candidate is measured on."""


def search_at_random(problem: Problem, ledger: Ledger, rng: Random) -> Outcome:
    """Draw as many candidates as the budget affords, and keep the one that does most damage.

    Raises:
        UsageError: the budget affords no candidate, or nothing in the instruction can be changed.
    """
    depth = min(DEPTH, ledger.size)
    candidates = draw(problem, [problem.start], ledger.budget // depth, rng)
    if not candidates:
        raise UsageError(
            f"random search draws nothing for {ledger.budget} cells; a candidate takes {depth}.",
            hint=f"Type: --budget {100 * depth}, or choose another --instruction.",
        )
    ledger.extend([one.text for one in candidates], depth, "random search")
    best = max(candidates, key=lambda one: ledger.mean(one.text))
    return Outcome(best, (record_step("random search", len(candidates), best, ledger),))


RANDOM_SEARCH = Recipe(
    name="random-search",
    description="candidates drawn at random, each measured on a few examples",
    search=search_at_random,
    levels=PERTURBED_LEVELS,
    damage="blend",
)
