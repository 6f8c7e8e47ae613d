"""The plan: which cells there are, in the order that lets a prompt's prefix be reused.

A block is one variant on a run of examples; its prompts share the instruction's tokens. A window
is the unit of work and of resuming: whole blocks, always cut at the same places, so that a
resumed run sends the model exactly the batches that an undisturbed one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from harness.core.records import CLEAN, Cell, Example, Variant, stable_hash
from harness.tasks import Task
from perturbations import find, perturb_text


@dataclass(frozen=True, slots=True)
class Block:
    """One variant on some examples of its task."""

    task: Task
    variant: Variant
    examples: tuple[Example, ...]
    data_dir: Path | None = None
    """Where perturbations of inputs find their tables."""

    def __len__(self) -> int:
        return len(self.examples)

    def cells(self) -> Iterator[Cell]:
        """The block's cells, inputs perturbed where the variant targets them."""
        for example in self.examples:
            shown = perturb_example(self.task, self.variant, example, self.data_dir)
            yield Cell(self.variant, shown)


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks and variants of a run."""

    tasks: tuple[Task, ...]
    variants: Mapping[str, tuple[Variant, ...]]
    """Task name -> its variants, the clean ones first."""
    data_dir: Path | None = None

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return sum(len(self.variants[t.name]) * len(t.examples) for t in self.tasks)

    def all_variants(self) -> Iterator[Variant]:
        """Every variant, task by task."""
        for task in self.tasks:
            yield from self.variants[task.name]

    def blocks(self, chunk: int) -> Iterator[Block]:
        """All blocks of at most `chunk` examples, in plan order."""
        for task in self.tasks:
            for variant in self.variants[task.name]:
                for start in range(0, len(task.examples), chunk):
                    yield Block(task, variant, task.examples[start : start + chunk], self.data_dir)


def windows(blocks: Iterable[Block], size: int) -> Iterator[list[Block]]:
    """Blocks gathered until a window holds `size` cells."""
    window: list[Block] = []
    held = 0
    for block in blocks:
        window.append(block)
        held += len(block)
        if held >= size:
            yield window
            window, held = [], 0
    if window:
        yield window


def shuffled_examples(task: Task, seed: int) -> tuple[Example, ...]:
    """The task's examples in the random order in which a run with a precision draws them."""
    examples = list(task.examples)
    Random(stable_hash(seed, task.name, "draw")).shuffle(examples)
    return tuple(examples)


def perturb_example(
    task: Task, variant: Variant, example: Example, data_dir: Path | None = None
) -> Example:
    """The example as this variant shows it: itself, unless the variant targets the input.

    Each field that the template shows is perturbed with a seed of its own, so that the same
    command gives the same inputs whatever the order of evaluation.
    """
    if variant.target == "instruction" or variant.level == CLEAN:
        return example
    perturbation = find(variant.perturbation)
    fields = dict(example.fields)
    for name in task.template.fields:
        seed = stable_hash(variant.seed, example.id, name)
        draft = perturb_text(fields[name], perturbation, seed, data_dir=data_dir)
        if draft is not None:
            fields[name] = draft.text
    return replace(example, fields=fields, input=task.template.render(fields))


def select_variants(variants: Sequence[Variant], task: str) -> tuple[Variant, ...]:
    """The variants of a task, clean ones first, otherwise in the given order."""
    own = [variant for variant in variants if variant.task == task]
    return tuple(sorted(own, key=lambda variant: variant.level != CLEAN))
