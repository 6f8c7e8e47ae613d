"""What a run will cost, in tokens and time, before anything is run.

Token counts come from tokenising every variant and every input once, not every pair of them, so
that planning a million cells takes seconds. Layout tokens between the two are counted on one
rendered prompt per task.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.core.errors import UsageError
from harness.core.records import Placement
from harness.evaluation.plan import Plan
from harness.models.contract import Architecture, Tokenizer
from harness.prompting.prompts import Prompter
from harness.tasks import Task


@dataclass(frozen=True, slots=True)
class TaskLengths:
    """Token counts of one task's parts."""

    task: str
    variants: tuple[int, ...]
    inputs: tuple[int, ...]
    frame: int
    """Tokens of a prompt that belong to neither: chat header, shots, cue, label."""
    cells: int
    """How many cells are asked; each variant and each example is in about equally many."""
    placement: Placement = "first"
    answer: int = 0
    """Tokens of the frame that are the answer's."""

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt and label."""
        return mentions(self.placement) * max(self.variants) + max(self.inputs) + self.frame

    def needed(self, architecture: Architecture) -> int:
        """Tokens of context that the longest cell takes: of prompt and answer, or of the longer."""
        if architecture == "decoder":
            return self.longest
        return max(self.longest - self.answer, self.answer)

    @property
    def total(self) -> int:
        """Tokens of all cells where every cell is paid in full."""
        own_instructions = mentions(self.placement) * self._of_all_cells(self.variants)
        return own_instructions + self._of_all_cells(self.inputs) + self.cells * self.frame

    @property
    def own(self) -> int:
        """Tokens that must be computed where what prompts begin with is run once."""
        begins, follows = self.variants, self.inputs
        if self.placement == "last":
            begins, follows = follows, begins
        repeated = self._of_all_cells(self.variants) if self.placement == "both" else 0
        return sum(begins) + self._of_all_cells(follows) + repeated + self.cells * self.frame

    def _of_all_cells(self, lengths: Sequence[int]) -> int:
        return sum(lengths) * self.cells // len(lengths)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a plan."""

    variants: int
    cells: int
    tokens: int
    unique_tokens: int
    finished_cells: int
    seconds: float


def measure_lengths(
    task: Task, plan: Plan, prompter: Prompter, tokenizer: Tokenizer
) -> TaskLengths:
    """Token counts of a task's variants, inputs and layout."""
    variants = plan.variants[task.name]
    texts = tokenizer.count([variant.text for variant in variants])
    inputs = tokenizer.count([example.input for example in task.examples])
    label = max((prompter.say(said) for said in _words(task)), key=len, default="")
    first = task.examples[0]
    whole = prompter.prompt(variants[0].text, first.input, turns=first.turns) + label
    rendered = tokenizer.count([whole], special=prompter.special_tokens)[0]
    frame = max(rendered - mentions(task.placement) * texts[0] - inputs[0], 0)
    new = task.answer.max_new_tokens if task.answer else 0
    return TaskLengths(
        task.name,
        tuple(texts),
        tuple(inputs),
        frame + new,
        plan.cells_of(task),
        task.placement,
        answer=new + tokenizer.count([label])[0],
    )


def check_lengths(
    lengths: Sequence[TaskLengths],
    plan: Plan,
    max_context: int,
    architecture: Architecture = "decoder",
) -> None:
    """Validate that the model's context holds every prompt, before anything is run.

    Raises:
        UsageError: with the task, the parts' lengths and the model's limit.
    """
    for task in lengths:
        if task.needed(architecture) <= max_context:
            continue  # of a near miss the model checks the exact prompts itself
        position = task.variants.index(max(task.variants))
        variant = plan.variants[task.task][position]
        raise UsageError(
            f"task {task.task!r}: a prompt of {task.needed(architecture)} tokens does not fit into "
            f"the model's context of {max_context}: the instruction {variant.instruction_id!r} "
            f"({variant.perturbation}) has {max(task.variants)} tokens, the longest input "
            f"{max(task.inputs)}, the layout {task.frame}.",
            hint="Shorten the instruction or the inputs, or use a model with a longer context.",
        )


def estimate(
    plan: Plan,
    lengths: Sequence[TaskLengths],
    finished: int,
    seconds: float,
    architecture: Architecture = "decoder",
) -> Estimate:
    """The cost of a plan whose cells all take so many seconds (`harness.evaluation.pilot`)."""
    reuses = architecture == "decoder"  # an encoder reads every prompt whole
    share = 1 - finished / plan.cells if plan.cells else 0.0
    return Estimate(
        variants=sum(len(plan.variants[task.name]) for task in plan.tasks),
        cells=plan.cells,
        tokens=sum(task.total for task in lengths),
        unique_tokens=sum(task.own if reuses else task.total for task in lengths),
        finished_cells=finished,
        seconds=max(share, 0.0) * seconds,
    )


def matmul_rate(dtype: str, device: str, *, size: int = 1024, seconds: float = 0.3) -> float:
    """Measured FLOPs per second of a square matrix product in that dtype on that device."""
    import torch

    kind = getattr(torch, dtype)
    a = torch.ones(size, size, dtype=kind, device=device)
    b = torch.ones(size, size, dtype=kind, device=device)
    (a @ b).sum().item()
    start, rounds = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        (a @ b)[0, 0].item()  # reading a number waits for the device
        rounds += 1
    return rounds * 2.0 * size**3 / (time.perf_counter() - start)


def mentions(placement: Placement) -> int:
    """How often a prompt holds its instruction."""
    return 2 if placement == "both" else 1


def _words(task: Task) -> Iterator[str]:
    """All that a model may be scored for saying."""
    if task.kind == "labels":
        yield from task.label_words
    for example in task.examples:
        yield from example.words.values()
