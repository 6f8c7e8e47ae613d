"""PromptBench's search, to compare with: every candidate on the whole set, one word at a time.

PromptBench (Zhu et al. 2023, arXiv 2306.04528) attacks a prompt with TextAttack's greedy search:
words are ranked by how much accuracy their deletion costs (Gao et al. 2018; Jin et al. 2020), then
the best replacement of each word, in that order, is kept where it lowers accuracy. For additions
(CheckList, StressTest) and translated prompts it measures all candidates and takes the worst. It
never stops a measurement early. Here it draws its candidates from the same catalogue as the race.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS
from perturbations.base import Span
from perturbations.search.candidates import Candidate, Problem, draw
from perturbations.search.ledger import Ledger
from perturbations.search.race import nothing_to_change
from perturbations.search.recipes import Outcome, Recipe, Step, record_step
from perturbations.tokens import Word, free_words

_FEWEST_PER_WORD: Final = 4
"""Candidates of a word, as many as DeepWordBug's transformations give; a budget may buy more."""
_PER_PERTURBATION: Final = 4
"""Candidates of a perturbation where the whole text is its place."""


def search_greedily(problem: Problem, ledger: Ledger, rng: Random) -> Outcome:
    """What PromptBench's search ends with when the budget is spent or all words have been tried.

    Raises:
        UsageError: the budget is too small, or nothing in the instruction can be changed.
    """
    check_budget(ledger)
    if problem.level not in ("character", "word"):
        count = _PER_PERTURBATION * len(problem.perturbations)
        return try_all(problem, draw(problem, [problem.start], count, rng), ledger)
    ledger.extend([problem.start.text], ledger.size, "clean")
    return _swap_words(problem, ledger, rng)


def try_all(problem: Problem, candidates: Sequence[Candidate], ledger: Ledger) -> Outcome:
    """The most harmful of the candidates that the budget reaches, each on the whole set.

    Raises:
        UsageError: there is no candidate.
    """
    if not candidates:
        raise nothing_to_change(problem)
    ledger.extend([problem.start.text], ledger.size, "clean")
    pool = _affordable(candidates, ledger)
    best = _worst([problem.start, *pool], ledger, "all")
    missed = len(candidates) - len(pool)
    notes = (f"the budget reached {len(pool)} of {len(candidates)} candidates",) if missed else ()
    return Outcome(best, (record_step("all", len(pool), best, ledger),), notes)


def check_budget(ledger: Ledger) -> None:
    """Validate that the budget measures two texts on the whole search split.

    Raises:
        UsageError: it does not.
    """
    if ledger.budget < 2 * ledger.size:
        raise UsageError(
            f"a budget of {ledger.budget} cells is too small for one step, which measures two "
            f"texts on all {ledger.size} examples of the search split.",
            hint=f"Type: --budget {2 * ledger.size}, or --search-examples with fewer.",
        )


def _swap_words(problem: Problem, ledger: Ledger, rng: Random) -> Outcome:
    words = free_words(problem.subject)
    if not words:
        raise nothing_to_change(problem)
    best = problem.start
    steps: list[Step] = []
    tried = 0
    rounds = ledger.budget // ledger.size // len(words) - 1
    per_word = max(_FEWEST_PER_WORD, rounds)
    for word in _rank_words(problem, words, ledger):
        if ledger.left < ledger.size:
            break
        tried += 1
        pool = _affordable(_swaps(problem, best, word, per_word, rng), ledger)
        if pool:
            name = f"word {tried}"
            best = _worst([best, *pool], ledger, name)
            steps.append(record_step(name, len(pool), best, ledger))
    if not steps and tried == len(words):
        raise nothing_to_change(problem)
    ended = () if tried == len(words) else (f"the budget reached {tried} of {len(words)} words",)
    return Outcome(best, tuple(steps), ended)


def _rank_words(problem: Problem, words: Sequence[Word], ledger: Ledger) -> list[Word]:
    """The words by how much harm their deletion does; those the budget can't rank come last."""
    text = problem.subject.text
    without = {word: (text[: word.start].rstrip() + text[word.end :]) for word in words}
    rankable = list(words)[: ledger.left // ledger.size]
    ledger.extend([without[word] for word in rankable], ledger.size, "word importance")
    ranked = sorted(rankable, key=lambda word: -ledger.mean(without[word]))
    return ranked + list(words)[len(rankable) :]


def _swaps(
    problem: Problem, parent: Candidate, word: Word, count: int, rng: Random
) -> list[Candidate]:
    """Up to `count` candidates that change this word of the parent and nothing else."""
    shift = sum(len(e.after) - len(e.before) for e in parent.edits if e.end <= word.start)
    start, end = word.start + shift, word.end + shift
    if parent.text[start:end] != word.text:
        return []
    # A word that touches a protected span is protected too, so the blanks beside it stay out.
    spans = (Span(0, start - 1, "another word"), Span(end + 1, len(parent.text), "another word"))
    around = tuple(span for span in spans if span.start < span.end)
    return draw(problem, [parent], count, rng, frozen=around)


def _affordable(pool: Sequence[Candidate], ledger: Ledger) -> list[Candidate]:
    return list(pool)[: ledger.left // ledger.size]


def _worst(pool: Sequence[Candidate], ledger: Ledger, stage: str) -> Candidate:
    ledger.extend([candidate.text for candidate in pool], ledger.size, stage)
    return max(pool, key=lambda candidate: ledger.mean(candidate.text))


PROMPTBENCH_GREEDY: Final = Recipe(
    name="promptbench-greedy",
    description="PromptBench's greedy word-by-word search, each candidate on the whole set "
    "(Zhu et al. 2023)",
    search=search_greedily,
    levels=PERTURBED_LEVELS,
)
