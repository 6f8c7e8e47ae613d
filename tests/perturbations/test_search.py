"""The search core against a simulated objective: it finds what was planted, within its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import Edit, Instruction, Level, stable_hash
from perturbations import find, find_protected
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import replay
from perturbations.search.candidates import LIMITS, Candidate, Limits, Problem, draw, merge, perturb
from perturbations.search.greedy import search_greedily
from perturbations.search.ledger import Ask, Ledger
from perturbations.search.race import SMALLEST_BUDGET, race, search_by_racing, shape_search
from perturbations.search.recipes import RECIPES
from tests.support.paths import ROOT

TEXT = (
    "Read the movie review below with great care and decide which opinion its author holds. "
    "Answer with 'positive' or 'negative'."
)


@dataclass
class Simulated:
    """Damages of Bernoulli cells whose rate adds up over the planted marks in a text."""

    size: int = 100
    base: float = 0.1
    rates: dict[str, float] = field(default_factory=dict)
    asked: list[tuple[Ask, str]] = field(default_factory=list)

    def rate(self, text: str) -> float:
        return min(0.95, self.base + sum(r for mark, r in self.rates.items() if mark in text))

    def measure(self, asks: Sequence[Ask], stage: str) -> list[list[float]]:
        self.asked += [(ask, stage) for ask in asks]
        return [[self._cell(a.text, i) for i in range(a.start, a.stop)] for a in asks]

    def _cell(self, text: str, example: int) -> float:
        # How hard an example is is common to all texts, as it is for a model.
        hardness = stable_hash("example", example) / 2**64
        own = stable_hash("cell", text, example) / 2**64
        return float(0.7 * hardness + 0.3 * own < self.rate(text))


def marking(name: str) -> Perturbation:
    def apply(subject: Subject, rng: Random) -> Draft:
        place = len(subject.text)
        mark = f" {name}."
        return Draft(subject.text + mark, (Edit(place, place, "", mark),))

    return Perturbation(name=name, level="sentence", description=name, apply=apply)


def problem_of(
    perturbations: Sequence[Perturbation],
    *,
    level: Level = "sentence",
    text: str = TEXT,
    limits: Limits | None = None,
) -> Problem:
    labels = ("positive", "negative")
    return Problem(
        task="sst2",
        instruction=Instruction(id="task-1", style="task", text=text),
        level=level,
        subject=Subject(text, find_protected(text, labels), labels),
        perturbations=tuple(perturbations),
        limits=limits or LIMITS[level],
    )


MARKS = [f"Mark{number}x" for number in range(40)]
PLANTED = "Mark23x"


def test_a_race_finds_the_planted_candidate_with_a_tenth_of_the_cells() -> None:
    objective = Simulated(size=200, rates={PLANTED: 0.3})
    pool = [perturb(problem_of([]), Candidate(TEXT), marking(m), Random(0)) for m in MARKS]
    candidates = [one for one in pool if one is not None]
    exhaustive = len(candidates) * objective.size
    ledger = Ledger(objective, exhaustive // 10)
    assert PLANTED in race(candidates, ledger, ledger.budget, "race")[0].text
    assert ledger.spent <= exhaustive // 10


def test_a_race_ranks_all_candidates_once() -> None:
    objective = Simulated(rates={"Mark3x": 0.5})
    candidates = [Candidate(f"{TEXT} {mark}") for mark in MARKS[:9]]
    ranking = race(candidates, Ledger(objective, 300), 300, "race")
    assert sorted(one.text for one in ranking) == sorted(one.text for one in candidates)


def test_the_search_stacks_what_hurts_together() -> None:
    rates = {"Mark3x": 0.2, "Mark11x": 0.2, "Mark30x": 0.15}
    objective = Simulated(size=150, rates=rates)
    problem = problem_of([marking(mark) for mark in MARKS])
    outcome = search_by_racing(problem, Ledger(objective, 2000), Random(1))
    assert objective.rate(outcome.best.text) >= 0.5
    assert replay(TEXT, outcome.best.edits) == outcome.best.text
    assert len(outcome.best.chain) >= 2


def test_the_search_does_at_least_as_much_harm_as_greed_at_five_times_the_cells() -> None:
    rates = {mark: (number % 10) / 40 for number, mark in enumerate(MARKS)}
    harms = []
    for seed in range(6):
        problem = problem_of([marking(mark) for mark in MARKS])
        raced = search_by_racing(problem, Ledger(Simulated(rates=rates), 2000), Random(seed))
        greedy = search_greedily(problem, Ledger(Simulated(rates=rates), 10_000), Random(seed))
        rate = Simulated(rates=rates).rate
        harms.append((rate(raced.best.text), rate(greedy.best.text)))
    assert sum(raced for raced, _ in harms) >= sum(greedy for _, greedy in harms)


@given(budget=st.integers(SMALLEST_BUDGET, 600), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_budget_is_never_exceeded_and_no_cell_is_asked_twice(budget: int, seed: int) -> None:
    objective = Simulated(size=60, rates={PLANTED: 0.3})
    ledger = Ledger(objective, budget)
    search_by_racing(problem_of([marking(mark) for mark in MARKS]), ledger, Random(seed))
    cells = [(a.text, i) for a, _ in objective.asked for i in range(a.start, a.stop)]
    assert len(cells) == len(set(cells)) == ledger.spent <= budget


@pytest.mark.parametrize("recipe", ["race", "promptbench-greedy"])
@pytest.mark.parametrize("level", ["character", "word"])
def test_a_search_is_a_function_of_its_seed_and_the_answers(recipe: str, level: Level) -> None:
    names = {"character": ["keyboard", "swap", "drop"], "word": ["synonyms", "misspelling"]}
    problem = problem_of([find(n) for n in names[level] if n in _known()], level=level)
    if not problem.perturbations:
        pytest.skip(f"no perturbation of the level {level} is registered")
    first, second = (
        RECIPES.get(recipe).search(problem, Ledger(Simulated(size=40), 900), Random(5))
        for _ in range(2)
    )
    assert first == second


def _known() -> list[str]:
    from perturbations import REGISTRY

    return REGISTRY.names()


def test_all_candidates_keep_the_label_words() -> None:
    problem = problem_of([find("keyboard"), find("swap")], level="character")
    for candidate in draw(problem, [problem.start], 60, Random(2)):
        assert "'positive' or 'negative'" in candidate.text
        assert problem.validity(candidate).protected_intact


def test_candidates_stay_within_the_limits() -> None:
    limits = Limits(max_words_changed=0.15)
    problem = problem_of([find("keyboard")], level="character", limits=limits)
    parents = draw(problem, [problem.start], 8, Random(3))
    for candidate in draw(problem, parents, 30, Random(4)):
        assert problem.validity(candidate).words_changed <= 0.15


def test_stacked_edits_lead_from_the_original_to_the_text() -> None:
    problem = problem_of([find("keyboard"), find("drop"), find("swap")], level="character")
    parents = draw(problem, [problem.start], 5, Random(1))
    for candidate in draw(problem, parents, 20, Random(2)):
        assert replay(TEXT, candidate.edits) == candidate.text
        assert len(candidate.chain) == 2


def test_a_union_makes_both_edits() -> None:
    problem = problem_of([])
    first = Candidate("RREAD" + TEXT[4:], (Edit(0, 4, "Read", "RREAD"),), ("a",))
    place = TEXT.index("author")
    edit = Edit(place, place + 6, "author", "writer")
    second = Candidate(replay(TEXT, [edit]), (edit,), ("b",))
    both = merge(problem, first, second)
    assert both is not None
    assert both.text.startswith("RREAD the movie")
    assert "its writer holds" in both.text
    assert both.chain == ("a", "b")


def test_edits_in_each_others_way_are_not_united() -> None:
    problem = problem_of([])
    one = Candidate("Rread" + TEXT[4:], (Edit(0, 4, "Read", "Rread"),), ("a",))
    two = Candidate("Raed" + TEXT[4:], (Edit(1, 3, "ea", "ae"),), ("b",))
    assert merge(problem, one, two) is None
    assert merge(problem, one, one) is None


@pytest.mark.parametrize("budget", [0, 1, SMALLEST_BUDGET - 1])
def test_a_budget_too_small_for_one_step_is_an_error(budget: int) -> None:
    with pytest.raises(UsageError, match=f"--budget {SMALLEST_BUDGET}"):
        shape_search(budget)


def test_greed_says_how_many_cells_its_first_step_takes() -> None:
    with pytest.raises(UsageError, match="--budget 200"):
        search_greedily(problem_of([marking("a")]), Ledger(Simulated(), 150), Random(0))


@pytest.mark.parametrize("recipe", ["race", "promptbench-greedy"])
def test_an_instruction_without_an_editable_word_is_an_error(recipe: str) -> None:
    problem = problem_of([find("keyboard")], level="character", text="'positive' 'negative'")
    with pytest.raises(UsageError, match="no word that the character level may change"):
        RECIPES.get(recipe).search(problem, Ledger(Simulated(), 1000), Random(0))


def test_an_unknown_recipe_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'race'"):
        RECIPES.get("rase")


def test_greed_measures_every_candidate_on_the_whole_set() -> None:
    objective = Simulated(size=30)
    problem = problem_of([find("keyboard"), find("swap")], level="character")
    search_greedily(problem, Ledger(objective, 1500), Random(0))
    assert all((ask.start, ask.stop) == (0, 30) for ask, _ in objective.asked)


def test_greed_keeps_a_swap_only_where_it_hurts() -> None:
    objective = Simulated(size=40, base=0.2)
    problem = problem_of([find("keyboard")], level="character")
    ledger = Ledger(objective, 4000)
    outcome = search_greedily(problem, ledger, Random(0))
    assert ledger.mean(outcome.best.text) >= ledger.mean(TEXT)


def test_a_ledger_refuses_what_exceeds_its_budget() -> None:
    ledger = Ledger(Simulated(), 10)
    with pytest.raises(UsageError, match="11 cells were asked for and 10 are left"):
        ledger.extend([TEXT], 11, "step")


@given(cells=st.integers(0, 300))
def test_the_affordable_depth_is_the_greatest(cells: int) -> None:
    ledger = Ledger(Simulated(size=50), 1000)
    ledger.extend(["a"], 20, "")
    depth = ledger.affordable_depth(["a", "b", "c"], cells)
    assert ledger.cost(["a", "b", "c"], depth) <= cells
    assert depth == 50 or ledger.cost(["a", "b", "c"], depth + 1) > cells


def test_a_recipe_of_a_package_is_found_and_keeps_the_best_of_what_it_drew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "plugin_example")
    monkeypatch.setattr(RECIPES, "_things", dict(RECIPES._things))
    point = EntryPoint("random-search", "searching:RANDOM_SEARCH", "harness.recipes")
    monkeypatch.setattr(RECIPES, "_plugins", {"random-search": point})
    recipe = RECIPES.get("random-search")
    objective = Simulated(rates={"Mark7x": 0.8})
    ledger = Ledger(objective, budget=400)
    outcome = recipe.search(problem_of([marking(name) for name in MARKS]), ledger, Random(0))
    assert outcome.best.chain == ("Mark7x",)
    assert ledger.spent <= 400
    assert {ask.cells for ask, _ in objective.asked} == {8}
    with pytest.raises(UsageError, match="draws nothing for 7 cells"):
        recipe.search(problem_of([marking("Mark7x")]), Ledger(objective, budget=7), Random(0))
