"""The race: a budgeted search that spends few cells on candidates that look harmless.

PromptBench (arXiv 2306.04528) measures every candidate on the whole set. Most candidates do no
harm, and a handful of examples is enough to see it. Each step therefore races its candidates by
sequential halving (Karnin, Koren and Somekh 2013, Almost Optimal Exploration in Multi-Armed
Bandits, algorithm 1): all are measured on a few examples, the better half on more, and so on. With
T cells for n candidates the best one is lost with a probability of at most
3 log2(n) exp(-T / (8 H2 log2 n)), where H2 = max_i i / gap_i^2. The bound rests on Hoeffding's
inequality, which also holds for examples drawn without replacement (Hoeffding 1963, section 6), and
here all candidates see the same examples, so that what is hard about an example cancels out.

The steps stack edits: the next candidates are the winner with one more perturbation, and unions of
the edits of those that came in first. What is left of the budget at the end decides among the
winners of all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, log2
from random import Random
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS
from perturbations.search.candidates import Candidate, Problem, draw, merge
from perturbations.search.ledger import Ledger
from perturbations.search.recipes import Outcome, Recipe, Step, record_step

SMALLEST_POOL: Final = 4
SHALLOWEST: Final = 4
"""Examples that the first round of a race takes at least."""
SMALLEST_BUDGET: Final = 2 * SMALLEST_POOL * SHALLOWEST
"""Cells of one step: a pool of four in two rounds."""

_WIDEST_POOL: Final = 32
_PLANNED_STEPS: Final = 6
_MAX_STEPS: Final = 12
"""Steps that end early, on a small search split, leave cells for more of them."""
_FINAL_SHARE: Final = 0.15
_CELLS_A_STEP: Final = 300
_PARENTS: Final = 2
_MERGED: Final = 4
"""So many of the first of a race have their edits united in pairs."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a budget is divided."""

    step: int
    """Cells per step."""
    pool: int
    """Candidates per step."""
    final: int
    """Cells kept for the last choice."""


def shape_search(budget: int) -> Shape:
    """How long and how wide the steps are that a budget of cells affords.

    Raises:
        UsageError: it does not afford one step.
    """
    if budget < SMALLEST_BUDGET:
        raise UsageError(
            f"a budget of {budget} cells is too small for one step, which takes {SMALLEST_BUDGET}.",
            hint=f"Type: --budget {SMALLEST_BUDGET}, or better 1000 and more.",
        )
    steps = min(_PLANNED_STEPS, max(1, budget // _CELLS_A_STEP))
    final = int(_FINAL_SHARE * budget) if steps > 1 else 0
    step = (budget - final) // steps
    pool = _WIDEST_POOL
    while pool > SMALLEST_POOL and pool * SHALLOWEST * ceil(log2(pool)) > step:
        pool -= 1
    return Shape(step, pool, final)


def search_by_racing(problem: Problem, ledger: Ledger, rng: Random) -> Outcome:
    """The candidate that a search in steps of races ends with.

    Raises:
        UsageError: the budget is too small, or nothing in the instruction can be changed.
    """
    shape = shape_search(ledger.budget)
    ranking: list[Candidate] = [problem.start]
    winners: list[Candidate] = [problem.start]
    steps: list[Step] = []
    while len(steps) < _MAX_STEPS and ledger.left - shape.final >= shape.step:
        pool = propose(problem, ranking, shape.pool, ledger, rng)
        if not pool:
            break
        name = f"step {len(steps) + 1}"
        ranking = race([winners[-1], *pool], ledger, shape.step, name)
        winners.append(ranking[0])
        steps.append(record_step(name, len(pool), ranking[0], ledger))
    if not steps:
        raise nothing_to_change(problem)
    finalists = list(dict.fromkeys([*reversed(winners), *ranking[: shape.pool // 8]]))
    best = race(finalists, ledger, ledger.left, "final")[0]
    steps.append(record_step("final", len(finalists), best, ledger))
    return Outcome(best, tuple(steps))


def race(
    candidates: Sequence[Candidate], ledger: Ledger, budget: int, stage: str
) -> list[Candidate]:
    """The candidates by falling damage, found by sequential halving within `budget` new cells.

    Those that are dropped in one round are ranked by what was known of them then; of equals the
    earlier one comes first.
    """
    survivors = list(candidates)
    dropped: list[Candidate] = []
    rounds = max(1, ceil(log2(len(survivors))))
    end = max(ledger.left - budget, 0)
    for number in range(rounds):
        texts = [candidate.text for candidate in survivors]
        share = (ledger.left - end) // (rounds - number)
        reach = ledger.affordable_depth(texts, share)
        ledger.extend(texts, reach, f"{stage}, round {number + 1}")
        depth = min(ledger.depth(text) for text in texts)
        if depth == 0:
            break
        survivors.sort(key=lambda candidate: -ledger.mean(candidate.text, depth))
        if depth == ledger.size:
            break
        keep = ceil(len(survivors) / 2)
        dropped = survivors[keep:] + dropped
        survivors = survivors[:keep]
    return survivors + dropped


def propose(
    problem: Problem, ranking: Sequence[Candidate], count: int, ledger: Ledger, rng: Random
) -> list[Candidate]:
    """New candidates: unions of the first of the last race, then more edits on its winners."""
    pairs = combinations(ranking[:_MERGED], 2)
    unions = [one for one in (merge(problem, *pair) for pair in pairs) if one is not None]
    fresh = {one.text: one for one in unions if ledger.depth(one.text) == 0}
    pool = list(fresh.values())[: count // 2]
    taken = {*ledger.texts, *(one.text for one in pool)}
    return pool + draw(problem, ranking[:_PARENTS], count - len(pool), rng, taken)


def nothing_to_change(problem: Problem) -> UsageError:
    """The error of an instruction in which no perturbation finds anything to change."""
    return UsageError(
        f"instruction {problem.instruction.id!r} of task {problem.task!r} has no word that the "
        f"{problem.level} level may change within the limits: {problem.subject.text!r}.",
        hint="Choose another with --instruction, another --level, or wider limits.",
    )


RACE: Final = Recipe(
    name="race",
    description="stacked edits, each step's candidates raced on growing samples "
    "(sequential halving, Karnin et al. 2013)",
    search=search_by_racing,
    levels=PERTURBED_LEVELS,
    damage="blend",
)
