"""The order of work: every cell, or only as many examples as the wanted precision needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.core.records import CLEAN, LEVELS, Example, Variant
from harness.evaluation.plan import Block, Plan, cut_pieces, shuffled_examples, windows
from harness.stats.sequences import ConfidenceSequence
from harness.tasks import Task

ROUND = 16
"""Examples drawn between two looks at the intervals."""

Outcomes = Mapping[tuple[str, str], float]
"""(variant id, example id) -> the answer's score."""


class Schedule(Protocol):
    """Hands out windows, round by round; is told a round's outcomes before it begins the next."""

    needs_outcomes: bool

    def rounds(self) -> Iterator[Iterator[list[Block]]]:
        """The windows to evaluate, in order; those of a round can be evaluated side by side."""
        ...

    def record(self, window: Sequence[Block], outcomes: Outcomes) -> None:
        """Take note of a window's outcomes."""
        ...

    def report(self) -> dict[str, Any] | None:
        """What was decided, for the manifest; None where nothing was."""
        ...


@dataclass(slots=True)
class WholePlan:
    """Every cell of the plan, in plan order."""

    plan: Plan
    window: int
    needs_outcomes: bool = False

    def rounds(self) -> Iterator[Iterator[list[Block]]]:
        """See `Schedule`."""
        yield windows(self.plan.pieces(self.window), self.window)

    def record(self, window: Sequence[Block], outcomes: Outcomes) -> None:
        """Nothing depends on outcomes."""

    def report(self) -> None:
        """Nothing was decided."""
        return


@dataclass(slots=True)
class Group:
    """One (task, level) whose accuracy is wanted to a precision."""

    task: Task
    level: str
    variants: tuple[Variant, ...]
    sequence: ConfidenceSequence
    planned: int
    """How many cells the plan has for it."""
    asked: int = 0
    active: bool = True

    def cells_saved(self) -> int:
        """Cells that the early stop made unnecessary."""
        return self.planned - self.asked


@dataclass(slots=True)
class UntilPrecise:
    """Examples in random order, each (task, level) until its interval is narrow enough.

    The interval is a confidence sequence: it holds at every look, so that stopping because of it
    does not cheat its coverage. What it covers is the accuracy that all examples of the task would
    give with these prompts; examples are drawn without replacement, and one example's mean over
    the level's prompts is one observation. Clean prompts go on as long as any level does, since
    every drop is measured against them on the same examples.
    """

    plan: Plan
    window: int
    half_width: float
    """Wanted half-width of the interval, as a fraction of 1."""
    seed: int
    confidence: float = 0.95
    needs_outcomes: bool = True
    groups: list[Group] = field(default_factory=list)
    _chosen: dict[str, set[str]] = field(default_factory=dict)  # variant id -> example ids
    _sums: dict[tuple[str, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def __post_init__(self) -> None:
        for task in self.plan.tasks:
            chosen = {variant.id: examples for variant, examples in self.plan.examples_of(task)}
            self._chosen |= {name: {e.id for e in examples} for name, examples in chosen.items()}
            for level in LEVELS:
                own = tuple(v for v in self.plan.variants[task.name] if v.level == level)
                if own:
                    planned = sum(len(chosen[variant.id]) for variant in own)
                    self.groups.append(Group(task, level, own, self._sequence(task), planned))

    def _sequence(self, task: Task) -> ConfidenceSequence:
        return ConfidenceSequence(
            population=len(task.examples), confidence=self.confidence, target=self.half_width
        )

    def rounds(self) -> Iterator[Iterator[list[Block]]]:
        """See `Schedule`."""
        for task in self.plan.tasks:
            own = [group for group in self.groups if group.task is task]
            examples = shuffled_examples(task, self.seed)
            for start in range(0, len(examples), ROUND):
                drawn = examples[start : start + ROUND]
                active = [group for group in own if group.active]
                yield windows(self._pieces(task, active, drawn), self.window)
                self._look(active, own, drawn)
                if not any(group.active for group in own):
                    break

    def record(self, window: Sequence[Block], outcomes: Outcomes) -> None:
        """See `Schedule`."""
        for block in window:
            level = block.variant.level
            for example in block.examples:
                key = (block.task.name, level, example.id)
                self._sums[key].append(outcomes[block.variant.id, example.id])
            self._group(block.task, level).asked += len(block)

    def report(self) -> dict[str, Any]:
        """Half-width wanted, cells saved, and each group's interval and examples."""
        levels: dict[str, dict[str, Any]] = defaultdict(dict)
        for group in self.groups:
            low, high = group.sequence.interval
            levels[group.task.name][group.level] = {
                "examples": group.sequence.count,
                "of": len(group.task.examples),
                "interval": [round(low, 6), round(high, 6)],
            }
        return {
            "half_width": self.half_width,
            "confidence": self.confidence,
            "cells_saved": sum(group.cells_saved() for group in self.groups),
            "tasks": dict(levels),
        }

    def _group(self, task: Task, level: str) -> Group:
        return next(one for one in self.groups if one.task is task and one.level == level)

    def _look(
        self, active: Iterable[Group], own: Sequence[Group], drawn: Sequence[Example]
    ) -> None:
        for group in active:
            keys = [(group.task.name, group.level, example.id) for example in drawn]
            outcomes = [self._sums.pop(key) for key in keys if key in self._sums]
            group.sequence.update(sum(scores) / len(scores) for scores in outcomes)
            group.active = group.sequence.half_width > self.half_width
        perturbed = [group for group in own if group.level != CLEAN]
        for group in own:
            if group.level == CLEAN and any(other.active for other in perturbed):
                group.active = True

    def _pieces(
        self, task: Task, groups: Sequence[Group], drawn: Sequence[Example]
    ) -> Iterator[Sequence[Block]]:
        asked = (
            (variant, [e for e in drawn if e.id in self._chosen[variant.id]])
            for group in groups
            for variant in group.variants
        )
        yield from cut_pieces(task, asked, max(self.window, ROUND), self.plan.block)
