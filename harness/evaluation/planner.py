"""`harness plan`: the cheapest design that finds a drop, or a difference between two runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Literal

from harness.core.errors import UsageError
from harness.core.records import CLEAN
from harness.evaluation.budget import FEWEST_INSTRUCTIONS
from harness.evaluation.prepare import RunPlan
from harness.metrics.outlook import examples_of, questions_of
from harness.results.rundir import Run
from harness.stats.planning import (
    Limits,
    PlannedDesign,
    Question,
    add_range,
    make_design,
    plan_design,
)
from harness.stats.typical import typical_difference, typical_drops

UNLIMITED: Final = Limits(instructions=12, examples=2000)
"""What is tried where no run says how much there is."""

TYPICAL_ACCURACY: Final = 0.8
"""Clean accuracy to expect where nothing is known of a model."""

Wanted = Literal["drop", "difference"]
"""What is to be found: a level's drop, or the difference between two runs."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan reckons with."""

    questions: tuple[Question, ...]
    limits: Limits
    now: PlannedDesign | None = None
    """The design of the run, or of each of the runs, that the variances were measured on."""
    seconds_per_cell: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What `harness plan` found."""

    of: Wanted
    wanted: float
    """The drop or difference to find, as a fraction of 1."""
    cheapest: PlannedDesign | None
    """None where nothing that there is to ask finds it."""
    best: PlannedDesign
    """All there is."""
    others: tuple[PlannedDesign, ...]
    """What other designs would find, the cheapest first."""
    now: PlannedDesign | None = None
    """The design that the variances were measured on."""


def answer(basis: Basis, of: Wanted, wanted: float) -> Answer:
    """The cheapest design for a wanted drop or difference, and what others find."""
    questions, limits = basis.questions, basis.limits
    everything = make_design(questions, limits.instructions, limits.examples, 1.0)
    cheapest = plan_design(questions, limits, wanted)
    others = sorted(_others(questions, limits, wanted), key=lambda design: design.cells)
    return Answer(
        of=of,
        wanted=wanted,
        cheapest=cheapest and add_range(cheapest, questions),
        best=add_range(everything, questions),
        others=tuple(add_range(one, questions) for one in others),
        now=basis.now,
    )


def _others(
    questions: Sequence[Question], limits: Limits, wanted: float
) -> Iterator[PlannedDesign]:
    """The cheapest design of each of some numbers of instructions."""
    for count in (3, 4, 6, 8, 12):
        if count <= limits.instructions:
            fixed = Limits(count, limits.examples, fewest_instructions=count)
            found = plan_design(questions, fixed, wanted)
            if found is not None:
                yield found


def expect_drops(prepared: RunPlan) -> PlannedDesign | None:
    """What a run's drops will be known to, where variances are typical; None without levels.

    Clean accuracy, which nobody knows before, is taken as `TYPICAL_ACCURACY`.
    """
    plan, fitted = prepared.plan, prepared.fitted
    levels = dict.fromkeys(one.level for one in plan.all_variants() if one.level != CLEAN)
    questions = [replace(_typical_drop(prepared, level), tests=len(levels)) for level in levels]
    if not questions or fitted.share <= 0:
        return None
    design = make_design(questions, fitted.instructions, fitted.examples, fitted.share)
    return add_range(design, questions)


def _typical_drop(prepared: RunPlan, level: str) -> Question:
    """A level's drop over the tasks that have it."""
    tasks, variants = [], []
    for task in prepared.plan.tasks:
        own = prepared.plan.variants[task.name]
        count = sum(one.level == level for one in own)
        if count:
            tasks.append(task)
            variants.append(max(round(count / len({one.instruction_id for one in own})), 1))
    (question,) = typical_drops(
        TYPICAL_ACCURACY, levels=1, tasks=len(tasks), confidence=prepared.config.confidence
    )
    examples = tuple(len(task.examples) for task in tasks)
    return replace(question, name=level, variants=tuple(variants), examples=examples)


def basis_of_drops(run: Run) -> Basis:
    """What a finished run measured of its drops, how much its tasks have, and its own design.

    Raises:
        UsageError: nothing was perturbed, so that no drop was measured.
    """
    questions = questions_of(run, run.summary.scorer)
    if not questions:
        raise UsageError(
            f"{run.path} has no perturbed cells, so it measured no drop to plan from.",
            hint="Give a run with levels, or --baseline-accuracy.",
        )
    return basis_of(run, questions, _found(run))


def basis_of_typical_difference(run: Run) -> Basis:
    """The difference between a finished run and one of a related model, of its accuracy and size.

    Raises:
        UsageError: nothing was perturbed.
    """
    levels = [stats for name, stats in run.summary.levels.items() if name != CLEAN]
    known = [stats.accuracy.value for stats in levels if stats.accuracy is not None]
    if not known:
        raise UsageError(
            f"{run.path} has no perturbed cells to plan a difference of.",
            hint="Give a run with levels, or --baseline-accuracy.",
        )
    tasks = len(run.summary.tasks)
    families = run.variants.groupby("task")["instruction_id"].nunique().sum()
    question = typical_difference(
        fmean(known),
        levels=1,
        tasks=tasks,
        variants=max(round(sum(stats.prompts for stats in levels) / families), 1),
        confidence=run.summary.confidence,
    )
    return basis_of(run, (replace(question, examples=tuple(examples_of(run.manifest).values())),))


def basis_of(run: Run, questions: Sequence[Question], detectable: float | None = None) -> Basis:
    """The questions with what a run's tasks have to ask, its own design and its speed.

    Args:
        run: a finished one.
        questions: what its cells, or those of a pair of runs, say of variances.
        detectable: what the run itself would just have found; default: what is predicted of it.
    """
    design = run.manifest["design"]
    limits = Limits(
        design["of_instructions"],
        design["of_examples"],
        min(FEWEST_INSTRUCTIONS, design["of_instructions"]),
    )
    now = make_design(questions, design["instructions"], design["examples"], design["share"])
    now = replace(now, detectable=detectable or now.detectable)
    return Basis(tuple(questions), limits, now, seconds_per_cell(run))


def _found(run: Run) -> float | None:
    """The largest drop among levels that the run would just have found, as its summary says."""
    known = [stats.drop_detectable for stats in run.summary.levels.values()]
    return max((one for one in known if one is not None), default=None)


def seconds_per_cell(run: Run) -> float | None:
    """What a computed cell of a run took; None where it computed too few to say."""
    timing = run.manifest["timing"] or {}
    computed = timing.get("cells", 0) - timing.get("cache_hits", 0)
    return timing["seconds"] / computed if computed >= 50 and timing.get("seconds") else None
