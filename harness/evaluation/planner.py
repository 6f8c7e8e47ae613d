"""`harness plan`: the cheapest design that finds a wanted drop, typical or as a run measured it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.core.errors import UsageError
from harness.evaluation.budget import FEWEST_INSTRUCTIONS
from harness.metrics.outlook import questions_of
from harness.results.rundir import Run
from harness.stats.planning import Limits, PlannedDesign, Question, make_design, plan_design

UNLIMITED: Final = Limits(instructions=12, examples=2000)
"""What is tried where no run says how much there is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `harness plan` found."""

    wanted: float
    """The drop to find, as a fraction of 1."""
    cheapest: PlannedDesign | None
    """None where nothing that there is to ask finds it."""
    best: PlannedDesign
    """All there is."""
    others: tuple[PlannedDesign, ...]
    """What other designs would find, the cheapest first."""
    now: PlannedDesign | None = None
    """The design of the run that was planned from."""


def answer(
    questions: Sequence[Question],
    limits: Limits,
    wanted: float,
    *,
    now: PlannedDesign | None = None,
) -> Answer:
    """The cheapest design for a wanted drop, and what others find."""
    everything = make_design(questions, limits.instructions, limits.examples, 1.0)
    cheapest = plan_design(questions, limits, wanted)
    others = tuple(sorted(_others(questions, limits, wanted), key=lambda design: design.cells))
    return Answer(wanted, cheapest, everything, others, now)


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


def questions_of_run(run: Run) -> tuple[tuple[Question, ...], Limits, PlannedDesign]:
    """What a finished run measured of its drops, how much its tasks have, and its own design.

    Raises:
        UsageError: nothing was perturbed, so that no drop was measured.
    """
    design = run.manifest["design"]
    questions = questions_of(run, run.summary.scorer)
    if not questions:
        raise UsageError(
            f"{run.path} has no perturbed cells, so it measured no drop to plan from.",
            hint="Give a run with levels, or --baseline-accuracy.",
        )
    limits = Limits(
        design["of_instructions"],
        design["of_examples"],
        min(FEWEST_INSTRUCTIONS, design["of_instructions"]),
    )
    now = make_design(questions, design["instructions"], design["examples"], design["share"])
    return questions, limits, replace(now, detectable=_found(run) or now.detectable)


def _found(run: Run) -> float | None:
    """The largest drop among levels that the run would just have found, as its summary says."""
    known = [stats.drop_detectable for stats in run.summary.levels.values()]
    return max((one for one in known if one is not None), default=None)


def seconds_per_cell(run: Run) -> float | None:
    """What a computed cell of a run took; None where it computed too few to say."""
    timing = run.manifest["timing"] or {}
    computed = timing.get("cells", 0) - timing.get("cache_hits", 0)
    return timing["seconds"] / computed if computed >= 50 and timing.get("seconds") else None
