"""Which cells changed between two aligned runs, and exact tests of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.comparison.differences import Paired, levels_of
from harness.metrics.accuracy import prompt_accuracies
from harness.metrics.grid import Group
from harness.stats.arrays import Floats
from harness.stats.multiplicity import holm
from harness.stats.paired import count_changes, example_sign_test, sign_test_p


@dataclass(frozen=True, slots=True)
class Changes:
    """Cells of a level that the second run answers otherwise than the first."""

    level: str
    task: str | None
    """None: all tasks together."""
    cells: int
    answers_changed: int
    right_to_wrong: int
    wrong_to_right: int
    examples_better: int
    """Examples that more prompts get right in the second run than in the first."""
    examples_worse: int
    p: float
    """The exact sign test over examples; with one prompt this is McNemar's test."""
    p_adjusted: float = math.nan
    """By Holm: over the levels for all tasks together, over levels and tasks for single tasks."""


@dataclass(frozen=True, slots=True)
class PromptTest:
    """One prompt in both runs, by the exact McNemar test over its examples."""

    task: str
    level: str
    perturbation: str
    instruction_id: str
    variant_id: str
    """In the first run."""
    first: float
    second: float
    better: int
    """Examples that only the second run gets right."""
    worse: int
    p: float
    p_adjusted: float
    """By Holm, over all prompts."""


def count_all_changes(tasks: Mapping[str, Paired]) -> tuple[Changes, ...]:
    """Changes by level over all tasks, then by task and level."""
    found: list[Changes] = []
    single: list[Changes] = []
    for level in levels_of([pair.first for pair in tasks.values()]):
        groups = {task: pair.groups(level) for task, pair in tasks.items()}
        own = [_changes(level, task, *both) for task, both in groups.items() if both]
        if own:
            found.append(_add(own))
        single += own
    return (*_adjust(found), *_adjust(single))


def _adjust(family: Sequence[Changes]) -> list[Changes]:
    adjusted = holm([one.p for one in family])
    return [replace(one, p_adjusted=p) for one, p in zip(family, adjusted, strict=True)]


def compare_prompts(tasks: Mapping[str, Paired]) -> tuple[PromptTest, ...]:
    """Every prompt, the least likely to be chance first."""
    found = [_test_prompt(pair, row) for pair in tasks.values() for row in _filled(pair)]
    adjusted = holm([one.p for one in found])
    tests = [replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)]
    return tuple(sorted(tests, key=lambda one: (one.p, one.task, one.variant_id)))


def _changes(level: str, task: str, first: Group, second: Group) -> Changes:
    present = first.present
    gained, lost = count_changes(first.score[present], second.score[present])
    signs = example_sign_test(_example_means(second) - _example_means(first))
    return Changes(
        level=level,
        task=task,
        cells=int(present.sum()),
        answers_changed=int((first.answer != second.answer)[present].sum()),
        right_to_wrong=lost,
        wrong_to_right=gained,
        examples_better=signs.better,
        examples_worse=signs.worse,
        p=signs.p,
    )


def _example_means(group: Group) -> Floats:
    return prompt_accuracies(group.score.T, group.present.T)


def _add(tasks: list[Changes]) -> Changes:
    better = sum(one.examples_better for one in tasks)
    worse = sum(one.examples_worse for one in tasks)
    return Changes(
        level=tasks[0].level,
        task=None,
        cells=sum(one.cells for one in tasks),
        answers_changed=sum(one.answers_changed for one in tasks),
        right_to_wrong=sum(one.right_to_wrong for one in tasks),
        wrong_to_right=sum(one.wrong_to_right for one in tasks),
        examples_better=better,
        examples_worse=worse,
        p=sign_test_p(better, worse),
    )


def _filled(pair: Paired) -> list[int]:
    return [int(row) for row in np.flatnonzero(pair.first.present.any(axis=1))]


def _test_prompt(pair: Paired, row: int) -> PromptTest:
    first, second = pair.first, pair.second
    here = first.present[row]
    before, after = first.score[row, here], second.score[row, here]
    test = example_sign_test(after - before)
    return PromptTest(
        task=first.task,
        level=first.levels[row],
        perturbation=first.perturbations[row],
        instruction_id=first.instructions[row],
        variant_id=first.variants[row],
        first=float(before.mean(dtype=np.float64)),
        second=float(after.mean(dtype=np.float64)),
        better=test.better,
        worse=test.worse,
        p=test.p,
        p_adjusted=test.p,
    )
