"""The plan: which cells there are, in the order that lets a prompt's prefix be reused.

A block is one variant on some examples. A piece is blocks whose prompts begin alike: one block
where the instruction comes first, all variants on a few examples where the input does. A window is
the unit of work and of resuming: whole pieces, always cut at the same places, so that a resumed run
sends the model exactly the batches that an undisturbed one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType

from harness.core.records import CLEAN, PARTS_OF, Cell, Example, Variant, stable_hash
from harness.evaluation.design import FULL, Design
from harness.tasks import Task
from harness.tasks.choices import show_choices
from harness.tasks.conversation import read_turns
from harness.tasks.template import map_texts, template_name
from perturbations import Perturbation, perturb_text
from perturbations.base import Arrangement
from perturbations.strength import STRENGTHS


@dataclass(frozen=True, slots=True)
class Block:
    """One variant on some examples of its task."""

    task: Task
    variant: Variant
    examples: tuple[Example, ...]
    on_input: Perturbation | None = None
    """What changes the inputs of these examples; None where they are shown as they are."""

    def __len__(self) -> int:
        return len(self.examples)

    def cells(self) -> Iterator[Cell]:
        """The block's cells, inputs perturbed where the variant targets them."""
        for example in self.examples:
            yield Cell(self.variant, self._shown(example))

    def _shown(self, example: Example) -> Example:
        if self.on_input is None:
            return example
        return perturb_example(self.task, self.variant, example, self.on_input)


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks and variants of a run."""

    tasks: tuple[Task, ...]
    variants: Mapping[str, tuple[Variant, ...]]
    """Task name -> its variants, the clean ones first."""
    on_input: Mapping[str, Perturbation] = field(default_factory=lambda: MappingProxyType({}))
    """Name -> perturbation, for those whose variants change inputs."""
    design: Design = FULL
    """Which of the variants are asked on which examples."""

    @property
    def cells(self) -> int:
        """How many cells are asked."""
        return sum(self.cells_of(task) for task in self.tasks)

    @property
    def full_cells(self) -> int:
        """How many cells the full grid has."""
        return sum(len(self.variants[t.name]) * len(t.examples) for t in self.tasks)

    def cells_of(self, task: Task) -> int:
        """How many cells of a task are asked."""
        if self.design.is_full:
            return len(self.variants[task.name]) * len(task.examples)
        asked = self.design.asked(self.variants[task.name], len(task.examples))
        return sum(int(examples.sum()) for examples in asked.values())

    def examples_of(self, task: Task) -> Iterator[tuple[Variant, tuple[Example, ...]]]:
        """Every variant of a task with the examples that it is asked on, in the task's order."""
        if self.design.is_full:
            yield from ((variant, task.examples) for variant in self.variants[task.name])
            return
        asked = self.design.asked(self.variants[task.name], len(task.examples))
        places = task.draw_order
        for variant in self.variants[task.name]:
            chosen = sorted(places[drawn] for drawn in asked[variant.id].nonzero()[0])
            yield variant, tuple(task.examples[place] for place in chosen)

    def all_variants(self) -> Iterator[Variant]:
        """Every variant, task by task."""
        for task in self.tasks:
            yield from self.variants[task.name]

    def block(self, task: Task, variant: Variant, examples: tuple[Example, ...]) -> Block:
        """A variant of the plan on some examples of its task."""
        if not changes_input(variant):
            return Block(task, variant, examples)
        perturbation = self.on_input[variant.perturbation]
        if variant.strength is not None:
            perturbation = replace(perturbation, strength=STRENGTHS[variant.strength])
        return Block(task, variant, examples, perturbation)

    def blocks(self, chunk: int) -> Iterator[Block]:
        """All blocks of at most `chunk` examples, in plan order."""
        for piece in self.pieces(chunk):
            yield from piece

    def pieces(self, size: int) -> Iterator[Sequence[Block]]:
        """The plan in pieces of about `size` cells at most, in plan order."""
        for task in self.tasks:
            yield from cut_pieces(task, self.examples_of(task), size, self.block)


Asked = Iterable[tuple[Variant, Sequence[Example]]]
"""Variants of a task, each with the examples that it is asked on."""
MakeBlock = Callable[[Task, Variant, tuple[Example, ...]], Block]


def cut_pieces(
    task: Task, asked: Asked, size: int, block: MakeBlock = Block
) -> Iterator[Sequence[Block]]:
    """What is asked of a task, in the order in which most tokens are shared.

    Args:
        task: Its placement decides which tokens prompts begin with.
        asked: What is asked; an example's place is that of its first mention.
        size: Cells of a piece: no more where the instruction comes first, up to twice as many
            where the input does.
        block: Makes a block.

    Yields:
        Pieces: blocks that a window should not part.
    """
    if task.placement == "last":
        yield from _pieces_by_example(task, asked, size, block)
        return
    for variant, examples in asked:
        for start in range(0, len(examples), size):
            yield (block(task, variant, tuple(examples[start : start + size])),)


def _pieces_by_example(
    task: Task, asked: Asked, size: int, block: MakeBlock
) -> Iterator[Sequence[Block]]:
    """All variants on as few examples as make `size` cells; an example with more is cut."""
    cells: dict[str, list[tuple[Variant, Example]]] = {}
    for variant, examples in asked:
        for example in examples:
            cells.setdefault(example.id, []).append((variant, example))
    piece: list[tuple[Variant, Example]] = []
    for of_example in cells.values():
        piece += of_example
        if len(piece) >= size:
            yield from _cut_piece(piece, task, size, block)
            piece = []
    yield from _cut_piece(piece, task, size, block)


def _cut_piece(
    cells: Sequence[tuple[Variant, Example]], task: Task, size: int, block: MakeBlock
) -> Iterator[Sequence[Block]]:
    step = size if len(cells) > 2 * size else 2 * size
    for start in range(0, len(cells), step):
        by_variant: dict[str, tuple[Variant, list[Example]]] = {}
        for variant, example in cells[start : start + step]:
            by_variant.setdefault(variant.id, (variant, []))[1].append(example)
        yield [block(task, variant, tuple(chosen)) for variant, chosen in by_variant.values()]


def windows(pieces: Iterable[Sequence[Block]], size: int) -> Iterator[list[Block]]:
    """Pieces gathered until a window holds `size` cells."""
    window: list[Block] = []
    held = 0
    for piece in pieces:
        window += piece
        held += sum(len(block) for block in piece)
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


def changes_input(variant: Variant) -> bool:
    """Whether a variant changes the inputs of examples, alone or beside the instruction."""
    return "input" in PARTS_OF[variant.target] and variant.level != CLEAN


def perturb_example(
    task: Task, variant: Variant, example: Example, perturbation: Perturbation
) -> Example:
    """The example as a variant shows it whose target is the input.

    Each text in a field that the template shows is perturbed with a seed of its own, so that the
    same command makes the same inputs whatever the order of evaluation. Of a choice, a perturbation
    may arrange the options instead.
    """
    arrange = perturbation.arrange
    if task.choices is not None and arrange is not None:
        own = Arrangement.of(len(example.options))
        rng = Random(stable_hash(variant.seed, example.id, "options"))
        return _show(task, example, example.fields, arrange(own, rng))

    def change(place: str, text: str) -> str:
        if task.messages is not None and place.endswith(".role"):
            return text
        draft = perturb_text(text, perturbation, stable_hash(variant.seed, example.id, place))
        return text if draft is None else draft.text

    shown = set(task.template.fields)
    fields = {
        name: map_texts(value, change, name) if {name, template_name(name)} & shown else value
        for name, value in example.fields.items()
    }
    return _show(task, example, fields)


def _show(
    task: Task,
    example: Example,
    fields: Mapping[str, object],
    arrangement: Arrangement | None = None,
) -> Example:
    """The example with these fields, and of a choice its options so arranged."""
    row = f"the perturbed example {example.id!r}"
    if task.messages is not None:
        example = replace(example, turns=read_turns(fields[task.messages], task.messages))
    if task.choices is None:
        return replace(example, fields=fields, input=task.template.render(fields, row=row))
    shown = show_choices(task.template, fields, task.choices, arrangement, row=row)
    return replace(
        example, fields=fields, input=shown.input, words=shown.words, options=shown.options
    )
