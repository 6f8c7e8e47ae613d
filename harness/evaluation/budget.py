"""The budget: a plan that costs no more cells than allowed, and gives up as little as it can.

What a run loses first is cells: a balanced share of the grid keeps a level's accuracy almost as
sure as the whole. Below `FEWEST_SHARE` a variant has too few examples for its drop to be seen, and
one instruction less buys more than half the share; below `FEWEST_INSTRUCTIONS` intervals over
instructions are as wide as luck has it, so examples go last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from harness.core.records import CLEAN, Variant
from harness.evaluation.design import Design, share_of
from harness.evaluation.plan import Plan
from harness.tasks import Task

DEFAULT_CELLS: Final = 4_000
"""What a run asks unless told otherwise: some minutes on two cores with a model of 135M."""
FEWEST_SHARE: Final = 0.04
FEWEST_INSTRUCTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a plan was cut down to."""

    share: float
    """Share of the perturbed cells that is asked."""
    cells: int
    full_cells: int
    """Cells of the grid with all instructions and examples."""
    instructions: int
    """At most so many per task; so many were there: `of_instructions`."""
    of_instructions: int
    examples: int
    of_examples: int
    layers: tuple[int, ...] = ()
    """With how many instructions a design began each time that further ones joined it."""

    @property
    def is_full(self) -> bool:
        """Whether nothing was cut."""
        return self.cells == self.full_cells

    def to_dict(self) -> dict[str, float | list[int]]:
        """The block `design` of run.json."""
        return {**asdict(self), "layers": list(self.layers)}


def fit(
    plan: Plan, budget: int, *, seed: int, keep_instructions: bool, keep_examples: bool
) -> Plan:
    """The plan, cut down to a budget of cells.

    Args:
        plan: a full grid.
        budget: how many cells may be asked, about: shares are rounded to whole cells.
        seed: of the run; decides which cells a share has, and which examples go first.
        keep_instructions: whether all instructions must stay, since they were asked for.
        keep_examples: the same of examples.

    Returns:
        The plan itself where it fits. Else all instructions and the largest share that is paid
        for, at least `FEWEST_SHARE`; else fewer instructions; else fewer examples; and where none
        of these may be cut, whatever share is left, 0 where clean instructions alone cost more.
    """
    if plan.full_cells <= budget:
        return plan
    most = 0 if keep_instructions else count_instructions(plan)
    for count in range(most, FEWEST_INSTRUCTIONS - 1, -1):
        fewer = with_instructions(plan, count)
        if _share(fewer, budget) >= FEWEST_SHARE:
            return _with_share(fewer, budget, seed)
    fewest = plan if keep_instructions else with_instructions(plan, FEWEST_INSTRUCTIONS)
    if _share(fewest, budget) >= FEWEST_SHARE or keep_examples:
        return _with_share(fewest, budget, seed)
    kept = budget / (clean_cells(fewest) + FEWEST_SHARE * _perturbed_cells(fewest))
    return _with_share(_with_examples(fewest, kept, seed), budget, seed)


def describe_fit(plan: Plan, full: Plan) -> Fitted:
    """What a plan was cut down to, beside the one that it was made from."""
    return Fitted(
        share=plan.design.share,
        cells=plan.cells,
        full_cells=full.full_cells,
        instructions=count_instructions(plan),
        of_instructions=count_instructions(full),
        examples=_count_examples(plan),
        of_examples=_count_examples(full),
        layers=_layers(plan),
    )


def grow(plan: Plan, other: Plan) -> Plan:
    """A plan with every cell of `plan`, and as much as `other` has: share, instructions, examples.

    Both are cut from one full grid.
    """
    larger = {name: max(own, other.variants[name], key=len) for name, own in plan.variants.items()}
    added = frozenset(
        (task, variant.instruction_id) for task, own in larger.items() for variant in own
    ) - frozenset((task, v.instruction_id) for task, own in plan.variants.items() for v in own)
    design = replace(
        plan.design,
        share=max(plan.design.share, other.design.share),
        seed=other.design.seed,
        layers=(*plan.design.layers, added) if added else plan.design.layers,
    )
    tasks = tuple(
        max(pair, key=lambda task: len(task.examples))
        for pair in zip(plan.tasks, other.tasks, strict=True)
    )
    return replace(plan, tasks=tasks, variants=larger, design=design)


def count_instructions(plan: Plan) -> int:
    """The most instructions that a task of the plan has."""
    return max((len(_instructions(plan, task)) for task in plan.tasks), default=0)


def with_instructions(plan: Plan, count: int) -> Plan:
    """The plan with the first `count` instructions of each task, styles taken in turn."""
    kept = {task.name: _first_instructions(plan, task, count) for task in plan.tasks}
    variants: Mapping[str, tuple[Variant, ...]] = {
        name: tuple(one for one in own if one.instruction_id in kept[name])
        for name, own in plan.variants.items()
    }
    return replace(plan, variants=variants)


def clean_cells(plan: Plan) -> int:
    """Cells of clean instructions, which every share asks."""
    return sum(
        len(task.examples)
        for task in plan.tasks
        for variant in plan.variants[task.name]
        if variant.level == CLEAN
    )


def _perturbed_cells(plan: Plan) -> int:
    return plan.full_cells - clean_cells(plan)


def _share(plan: Plan, budget: int) -> float:
    return share_of(budget, clean=clean_cells(plan), perturbed=_perturbed_cells(plan))


def _with_share(plan: Plan, budget: int, seed: int) -> Plan:
    return replace(plan, design=Design(_share(plan, budget), seed))


def _with_examples(plan: Plan, share: float, seed: int) -> Plan:
    tasks = tuple(
        task.with_examples(max(round(share * len(task.examples)), 1), seed=seed)
        for task in plan.tasks
    )
    return replace(plan, tasks=tasks)


def _first_instructions(plan: Plan, task: Task, count: int) -> set[str]:
    there = _instructions(plan, task)
    own = task.with_instructions(count).instructions
    return {one.id for one in own} & there or set(sorted(there)[:count])


def _instructions(plan: Plan, task: Task) -> set[str]:
    return {variant.instruction_id for variant in plan.variants[task.name]}


def _layers(plan: Plan) -> tuple[int, ...]:
    """How many instructions per task there were before each layer joined, at most."""
    counts = []
    for place in range(len(plan.design.layers)):
        later = frozenset().union(*plan.design.layers[place:])
        own = [
            len({one for one in _instructions(plan, task) if (task.name, one) not in later})
            for task in plan.tasks
        ]
        counts.append(max(own))
    return tuple(counts)


def _count_examples(plan: Plan) -> int:
    return max((len(task.examples) for task in plan.tasks), default=0)
