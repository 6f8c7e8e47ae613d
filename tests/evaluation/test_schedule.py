"""Stopping at a precision: fewer cells, intervals that hold, clean cells beside every drop."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from random import Random

import pytest

from harness.core.records import Example, Variant
from harness.evaluation.plan import Plan
from harness.evaluation.schedule import ROUND, Outcomes, Schedule, UntilPrecise, WholePlan
from harness.tasks import Task, load_task
from harness.tasks.suites import task_path

EXAMPLES = 240


@pytest.fixture(scope="module")
def plan() -> Plan:
    task = load_task(task_path("sentiment"), data_dir=None).with_instructions(2)
    base = task.examples[0]
    task = replace(task, examples=tuple(replace(base, id=str(n)) for n in range(EXAMPLES)))
    levels = ("clean", "clean", "character", "character", "word")
    variants = tuple(_variant(task, n, level) for n, level in enumerate(levels))
    return Plan((task,), {task.name: variants})


def _variant(task: Task, number: int, level: str) -> Variant:
    return Variant(
        id=str(number), task=task.name, level=level,  # type: ignore[arg-type]
        perturbation=level, instruction_id="task-1", index=0, seed=0, text=f"{number}", original="",
    )  # fmt: skip


def answers(plan: Plan, rng: Random, easy: dict[str, float]) -> Outcomes:
    """A fixed table of right and wrong: examples differ in how hard they are."""
    task = plan.tasks[0]
    hardness = {example.id: rng.uniform(-0.15, 0.15) for example in task.examples}
    return {
        (v.id, e.id): rng.random() < easy[v.level] + hardness[e.id]
        for v in plan.variants[task.name]
        for e in task.examples
    }


def run(schedule: UntilPrecise, outcomes: Outcomes) -> int:
    """Go through the schedule; gives the cells that were evaluated."""
    cells = 0
    for window in chain.from_iterable(schedule.rounds()):
        cells += sum(map(len, window))
        schedule.record(window, outcomes)
    return cells


def test_easy_levels_stop_early_and_clean_goes_on(plan: Plan) -> None:
    outcomes = answers(plan, Random(1), {"clean": 0.99, "character": 0.99, "word": 0.5})
    schedule = UntilPrecise(plan, window=64, half_width=0.08, seed=0)
    cells = run(schedule, outcomes)
    decided = schedule.report()["tasks"]["sentiment"]
    assert decided["character"]["examples"] < decided["word"]["examples"]
    assert decided["clean"]["examples"] == decided["word"]["examples"]
    assert decided["character"]["examples"] % ROUND == 0
    assert cells + schedule.report()["cells_saved"] == plan.cells


def test_intervals_hold_although_they_decide_when_to_stop(plan: Plan) -> None:
    easy = {"clean": 0.8, "character": 0.6, "word": 0.3}
    held = looked = 0
    for seed in range(120):
        outcomes = answers(plan, Random(seed), easy)
        schedule = UntilPrecise(plan, window=999, half_width=0.07, seed=seed)
        run(schedule, outcomes)
        for group in schedule.groups:
            cells = [outcomes[v.id, e.id] for v in group.variants for e in group.task.examples]
            low, high = group.sequence.interval
            held += low - 1e-9 <= sum(cells) / len(cells) <= high + 1e-9
            looked += 1
    assert held / looked >= 0.95


def test_an_impossible_precision_evaluates_everything(plan: Plan) -> None:
    outcomes = answers(plan, Random(2), {"clean": 0.5, "character": 0.5, "word": 0.5})
    schedule = UntilPrecise(plan, window=64, half_width=1e-6, seed=0)
    assert run(schedule, outcomes) == plan.cells
    for group in schedule.groups:
        low, high = group.sequence.interval
        assert high - low < 1e-6, "the whole set is known"


def test_the_whole_plan_is_the_plan(plan: Plan) -> None:
    whole: Schedule = WholePlan(plan, window=50)
    drawn: list[Example] = [
        e for round_ in whole.rounds() for w in round_ for block in w for e in block.examples
    ]
    assert len(drawn) == plan.cells
    assert whole.report() is None
