"""PromptBench's sentence and semantic attacks: all that it published, each on the whole set."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from harness.core.records import Level
from perturbations.base import Draft
from perturbations.diff import draft_of
from perturbations.external.promptbench_prompts import (
    PACKAGE,
    append_to_end,
    read_additions,
    read_semantic_prompts,
)
from perturbations.search.candidates import Candidate, Problem
from perturbations.search.greedy import check_budget, try_all
from perturbations.search.ledger import Ledger
from perturbations.search.recipes import Outcome, Recipe

Drafts = Callable[[Problem], Iterable[Draft | None]]


def _appending(name: str) -> Drafts:
    def drafts(problem: Problem) -> Iterable[Draft]:
        return (append_to_end(problem.subject.text, one) for one in read_additions(name))

    return drafts


def _semantic(problem: Problem) -> Iterable[Draft | None]:
    texts = read_semantic_prompts(problem.task, problem.subject.label_words)
    return (draft_of(problem.subject.text, text) for text in texts)


def _recipe(name: str, level: Level, description: str, drafts: Drafts) -> Recipe:
    def search(problem: Problem, ledger: Ledger, rng: Random) -> Outcome:
        check_budget(ledger)
        made = (
            Candidate(draft.text, draft.edits, (f"promptbench:{name}",))
            for draft in drafts(problem)
            if draft is not None
        )
        return try_all(problem, [one for one in made if problem.allows(one)], ledger)

    return Recipe(
        name=f"promptbench:{name}",
        description=f"{description}, each on the whole search split (Zhu et al. 2023)",
        search=search,
        levels=(level,),
        native=False,
        needs=(PACKAGE,),
    )


CHECKLIST: Final = _recipe(
    "checklist", "sentence", "PromptBench's 50 random strings at the end", _appending("rand_seqs")
)
STRESSTEST: Final = _recipe(
    "stresstest", "sentence", "PromptBench's three tautologies at the end", _appending("texts")
)
SEMANTIC: Final = _recipe(
    "semantic", "semantic", "PromptBench's published prompts of the task, translated", _semantic
)
