"""Recipes: ways of searching for the instruction that does most harm within a budget of cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from harness.core.records import Level
from harness.core.registry import Registry
from perturbations.search.candidates import Candidate, Problem
from perturbations.search.ledger import Ledger

Damage = Literal["error", "blend"]
"""What a cell's damage is: 1 for a wrong answer and 0 for a right one, or the mean of that and
the probability that the label scores leave to the wrong labels, which tells candidates apart on
few examples."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a search, for its record."""

    name: str
    candidates: int
    best: Candidate
    damage: float
    """Mean damage of the best on the examples it has been measured on."""
    depth: int
    spent: int
    """Cells spent up to the end of this step."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search found, how it got there, and what a reader must know about it."""

    best: Candidate
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = field(default=())


Search = Callable[[Problem, Ledger, Random], Outcome]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way of searching."""

    name: str
    description: str
    """One line, with the source."""
    search: Search
    levels: tuple[Level, ...]
    """The levels it can search; the first is the one it searches by default."""
    damage: Damage = "error"
    native: bool = True
    """Whether its candidates come from the catalogue's perturbations of the level."""
    needs: tuple[str, ...] = field(default=())


RECIPES: Final[Registry[Recipe]] = Registry("recipe", group="harness.recipes")
"""Every recipe by name."""

_NATIVE: Final = {
    "race": "perturbations.search.race:RACE",
    "promptbench-greedy": "perturbations.search.greedy:PROMPTBENCH_GREEDY",
}
_PROMPTBENCH: Final = ("checklist", "stresstest", "semantic")
_TEXTATTACK: Final = (
    "deepwordbug", "pruthi", "textbugger", "textfooler", "pwws", "bertattack", "bae", "checklist",
)  # fmt: skip
for _name, _target in _NATIVE.items():
    RECIPES.add(_name, _target)
for _name in _PROMPTBENCH:
    RECIPES.add(
        f"promptbench:{_name}", f"perturbations.external.promptbench_recipes:{_name.upper()}"
    )
for _name in _TEXTATTACK:
    RECIPES.add(f"textattack:{_name}", f"perturbations.external.textattack_recipes:{_name.upper()}")


def record_step(name: str, candidates: int, best: Candidate, ledger: Ledger) -> Step:
    """The record of a step that has just ended."""
    return Step(
        name=name,
        candidates=candidates,
        best=best,
        damage=ledger.mean(best.text),
        depth=ledger.depth(best.text),
        spent=ledger.spent,
    )
