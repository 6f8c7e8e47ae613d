"""The pilot: how long a cell takes on this machine, from a few real ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from harness.core.cache import ResponseCache
from harness.core.progress import NoProgress
from harness.core.records import Example, Variant
from harness.evaluation.cost import Estimate, estimate
from harness.evaluation.engine import Engine
from harness.evaluation.execute import count_finished
from harness.evaluation.plan import Block
from harness.evaluation.prepare import RunPlan
from harness.evaluation.repeats import sampling_of
from harness.models.questions import ManyAtOnce
from harness.tasks import Task

CELLS_ON_CPU: Final = 8
"""Per task: some seconds of work, in blocks as the run has them."""
SHARING: Final = 4
"""How many times more of them where an input is computed once for all variants."""
PATIENCE: Final = 15.0
"""Seconds after which the tasks that are left are taken to be like those before."""
CELLS_ON_ACCELERATOR: Final = 512


def estimate_run(prepared: RunPlan) -> Estimate:
    """What a prepared run still takes, in cells, tokens and time; nothing is written."""
    done = count_finished(prepared)
    seconds = measure_seconds(prepared) if done < prepared.plan.cells else 0.0
    architecture = prepared.model.info.architecture
    return estimate(prepared.plan, prepared.lengths, done, seconds, architecture)


def measure_seconds(prepared: RunPlan) -> float:
    """How long all cells of a prepared run take here, by those of the middle of each task.

    A rate of matrix products would be quicker to measure, but it knows neither what attention,
    tokenising and the gaps between batches cost nor how busy the machine is for longer than that.

    Returns:
        Seconds, with nothing in a cache. Nothing is written.
    """
    slow = prepared.model.info.device in ("cpu", "server")
    wanted = CELLS_ON_CPU if slow else CELLS_ON_ACCELERATOR
    paces: list[float] = []
    begun = time.perf_counter()
    for task in prepared.plan.tasks:
        blocks = _middle(prepared, task, wanted)
        if not paces:
            _evaluate(prepared, blocks)  # the first batch of a process is slower than all others
        if paces and time.perf_counter() - begun > PATIENCE:
            break
        started = time.perf_counter()
        _evaluate(prepared, blocks)
        paces.append((time.perf_counter() - started) / sum(len(block) for block in blocks))
    rest = sum(paces) / len(paces)
    paces += [rest] * (len(prepared.plan.tasks) - len(paces))
    cells = (prepared.plan.cells_of(task) for task in prepared.plan.tasks)
    seconds = sum(pace * count for pace, count in zip(paces, cells, strict=True))
    model = prepared.model
    return seconds / max(model.wanted, 1) if isinstance(model, ManyAtOnce) else seconds


def _middle(prepared: RunPlan, task: Task, wanted: int) -> list[Block]:
    """Blocks of a task from the middle of its plan on, with so many cells."""
    asked = list(prepared.plan.examples_of(task))
    if task.placement == "last":
        return _on_middle_example(prepared, task, asked, SHARING * wanted)
    chosen: list[Block] = []
    for variant, examples in asked[len(asked) // 2 :] + asked[: len(asked) // 2]:
        left = wanted - sum(len(block) for block in chosen)
        if examples and left > 0:
            chosen.append(prepared.plan.block(task, variant, examples[:left]))
    return chosen


def _on_middle_example(
    prepared: RunPlan, task: Task, asked: Sequence[tuple[Variant, Sequence[Example]]], wanted: int
) -> list[Block]:
    """Blocks of up to so many variants on the task's middle example, whose input they share."""
    middle = task.examples[len(task.examples) // 2]
    on_it = [variant for variant, examples in asked if any(one is middle for one in examples)]
    return [prepared.plan.block(task, variant, (middle,)) for variant in on_it[:wanted]]


def _evaluate(prepared: RunPlan, blocks: Sequence[Block]) -> None:
    with ResponseCache(None) as cache:
        engine = Engine(
            model=prepared.model,
            cache=cache,
            tools=prepared.tools,
            scorers=prepared.scorers,
            max_new_tokens=prepared.config.max_new_tokens,
            sampling=sampling_of(prepared.config),
        )
        engine.evaluate(blocks, {}, NoProgress())
