"""The variants of a run: made by perturbations, or replayed from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.core.errors import UsageError, nearest_hint
from harness.core.records import (
    CLEAN,
    LEVELS,
    PARTS_OF,
    Edit,
    Instruction,
    LeftOut,
    Level,
    SemanticSource,
    StrengthName,
    Target,
    Validity,
    Variant,
    stable_hash,
    stable_id,
)
from harness.results.jsonfiles import Json
from harness.tasks import Task
from harness.tasks.choices import shows_letters, shows_options
from harness.tasks.rows import numbered_rows
from harness.tasks.schema import Text
from perturbations import Perturbation, Similarity, clean_variant, make_variants, perturb_text
from perturbations.sentence.options import LETTERS
from perturbations.strength import MEDIUM


def _no_counts() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Misses:
    """What did not become a variant of a task, and why."""

    no_ops: Mapping[str, int] = field(default_factory=_no_counts)
    """Perturbation -> how often it found nothing to change."""
    duplicates: Mapping[str, int] = field(default_factory=_no_counts)
    """Perturbation -> how often its text was that of another variant."""
    dissimilar: Mapping[str, int] = field(default_factory=_no_counts)
    """Perturbation -> how often all its draws were below --min-similarity."""


@dataclass(frozen=True, slots=True)
class TaskVariants:
    """The variants of one task, the clean ones first, and what did not become one."""

    variants: tuple[Variant, ...]
    misses: Misses = Misses()
    left_out: tuple[LeftOut, ...] = ()
    """Perturbations that are made for another language than that of some instruction."""


@dataclass(frozen=True, slots=True)
class VariantOptions:
    """How variants are made."""

    seed: int
    per_perturbation: int = 1
    target: Target = "instruction"
    similarity: Similarity | None = None
    min_similarity: float | None = None


def build_variants(
    task: Task, perturbations: Sequence[Perturbation], options: VariantOptions
) -> TaskVariants:
    """Clean and perturbed variants of every instruction of a task."""
    clean = [clean_variant(task.name, instruction) for instruction in task.instructions]
    arranging = [one for one in perturbations if one.arrange and _can_arrange(task, one)]
    perturbations = [one for one in perturbations if not one.arrange]
    parts = PARTS_OF[options.target]
    keeps_instruction = "input" in parts and "instruction" not in parts
    on_input = [*perturbations, *arranging] if keeps_instruction else arranging
    of_input = [
        variant
        for instruction in task.instructions
        for variant in _input_variants(task, instruction, on_input, options)
    ]
    if keeps_instruction:
        beside = _beside(task, of_input, perturbations, options.target)
        return TaskVariants(variants=(*clean, *beside))
    perturbed: list[Variant] = []
    no_ops: Counter[str] = Counter()
    duplicates: Counter[str] = Counter()
    dissimilar: Counter[str] = Counter()
    left_out: dict[LeftOut, None] = {}
    for instruction in task.instructions:
        # A system text has no bank of its own, and no others to draw from.
        changed, of_system = instruction, options.target == "system"
        if of_system:
            changed = replace(instruction, text=task.system)
        others = tuple(i.text for i in task.instructions if i.id != instruction.id)
        result = make_variants(
            task.name,
            changed,
            perturbations=perturbations,
            label_words=task.label_words,
            paraphrases=() if of_system else task.paraphrases.get(instruction.id, ()),
            others=() if of_system else others,
            seed=options.seed,
            per_perturbation=options.per_perturbation,
            similarity=options.similarity,
            min_similarity=options.min_similarity,
        )
        made = [_with_source(variant, task) for variant in result.variants]
        perturbed += [_retarget(variant, options.target) for variant in made]
        no_ops += result.no_ops
        duplicates += result.duplicates
        dissimilar += result.dissimilar
        left_out |= dict.fromkeys(result.left_out)
    perturbed = _beside(task, perturbed, perturbations, options.target)
    return TaskVariants(
        (*clean, *perturbed, *of_input),
        Misses(_sorted(no_ops), _sorted(duplicates), _sorted(dissimilar)),
        tuple(left_out),
    )


def _beside(
    task: Task, variants: Sequence[Variant], perturbations: Sequence[Perturbation], target: Target
) -> list[Variant]:
    """The variants with the system text perturbed too, where the target names it beside others."""
    if target == "system" or "system" not in PARTS_OF[target]:
        return list(variants)
    by_name = {(one.name, one.strength.name): one for one in perturbations}
    made: list[Variant] = []
    for variant in variants:
        perturbation = by_name.get((variant.perturbation, variant.strength or MEDIUM.name))
        if perturbation is None:  # it arranges options, and knows no text
            made.append(variant)
            continue
        seed = stable_hash(variant.seed, "system")
        draft = perturb_text(task.system, perturbation, seed, task.label_words)
        system = draft.text if draft else task.system
        identity = stable_id(variant.id, target)
        made.append(replace(variant, id=identity, target=target, system=system))
    return made


def _can_arrange(task: Task, perturbation: Perturbation) -> bool:
    """Whether a prompt of the task shows what the perturbation of options changes."""
    if task.choices is None:
        return False
    if perturbation.name == LETTERS.name:
        return shows_letters(task.template, task.choices)
    return task.choices.by == "letter" or shows_options(task.template, task.choices)


def _with_source(variant: Variant, task: Task) -> Variant:
    if variant.level != "semantic":
        return variant
    if variant.text in task.model_written:
        return replace(variant, semantic_source="model")
    written = variant.text in task.paraphrases.get(variant.instruction_id, ())
    return replace(variant, semantic_source="bank" if written else "rules")


def _sorted(counts: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict(sorted(counts.items())))


def read_variants(path: Path, tasks: Sequence[Task]) -> dict[str, TaskVariants]:
    """The variants of a replay file by task; every task of the file must be among `tasks`.

    A row needs task, level, perturbation and text; a run's own variants.jsonl has more.

    Raises:
        UsageError: a missing or unknown key value, or one id for two texts, with the line.
    """
    by_name = {task.name: task for task in tasks}
    found: dict[str, dict[str, Variant]] = {name: {} for name in by_name}
    for number, row in numbered_rows(path):
        variant = _replayed(dict(row), by_name, where=f"{path}, line {number}")
        first = found[variant.task].setdefault(variant.id, variant)
        if first.text != variant.text:
            raise UsageError(
                f"{path}, line {number}: the id {variant.id!r} stands twice, with two texts: "
                f"{first.text[:60]!r} and {variant.text[:60]!r}.",
                hint="Give each variant an id of its own, or leave ids out.",
            )
    return {
        name: TaskVariants(tuple(sorted(v.values(), key=lambda one: one.level != CLEAN)))
        for name, v in found.items()
        if v
    }


def _input_variants(
    task: Task,
    instruction: Instruction,
    perturbations: Sequence[Perturbation],
    options: VariantOptions,
) -> list[Variant]:
    """Variants that leave the instruction as it is and change every example's input."""
    clean = clean_variant(task.name, instruction)
    return [
        replace(
            clean,
            id=_input_variant_id(options.seed, task.name, instruction.id, perturbation, index),
            level=perturbation.level,
            perturbation=perturbation.name,
            index=index,
            seed=stable_hash(
                options.seed, task.name, instruction.id, perturbation.name, index, "input"
            ),
            target="input",
            strength=perturbation.strength.name if perturbation.graded else None,
        )
        for perturbation in perturbations
        if perturbation.on_input
        for index in range(options.per_perturbation)
    ]


def _input_variant_id(
    seed: int, task: str, instruction: str, perturbation: Perturbation, index: int
) -> str:
    """Texts tell strengths apart elsewhere; here the instruction stays as it is."""
    strength = perturbation.strength
    named = () if strength is MEDIUM else (strength.name,)
    return stable_id(seed, task, instruction, perturbation.name, index, "in", *named)


def _retarget(variant: Variant, target: Target) -> Variant:
    if target == "instruction":
        return variant
    return replace(variant, target=target, id=stable_id(variant.id, target))


class _Row(BaseModel):
    """A row of a replay file: what it must have, and what a run's own variants have beside."""

    model_config = ConfigDict(extra="ignore")

    task: Text
    level: Level
    perturbation: Text
    text: Text
    id: str | None = None
    instruction_id: str | None = None
    index: int = 0
    seed: int = 0
    original: str | None = None
    edits: tuple[Edit, ...] = ()
    validity: Validity | None = None
    target: Target = "instruction"
    semantic_source: SemanticSource | None = None
    strength: StrengthName | None = None
    system: str = ""


def _replayed(row: Json, tasks: Mapping[str, Task], *, where: str) -> Variant:
    checked = _check_row(row, where=where)
    if checked.task not in tasks:
        raise UsageError(
            f"{where}: task {checked.task!r} is not among the tasks of this run "
            f"({', '.join(tasks)}).{nearest_hint(checked.task, tasks)}"
        )
    originals = {i.id: i.text for i in tasks[checked.task].instructions}
    instruction_id = checked.instruction_id or ""
    if checked.target == "system" and instruction_id not in originals:
        raise UsageError(
            f"{where}: a system text stands beside an instruction, and task {checked.task!r} has "
            f"none of the id {instruction_id!r}.",
            hint=f"Write one of {', '.join(originals)} under instruction_id.",
        )
    identity = (checked.task, checked.level, checked.perturbation, instruction_id, checked.text)
    return Variant(
        id=checked.id or stable_id(*identity),
        task=checked.task,
        level=checked.level,
        perturbation=checked.perturbation,
        instruction_id=instruction_id,
        index=checked.index,
        seed=checked.seed,
        text=checked.text,
        original=checked.original or originals.get(instruction_id, checked.text),
        edits=checked.edits,
        validity=checked.validity,
        target=checked.target,
        semantic_source=checked.semantic_source,
        strength=checked.strength,
        system=checked.system,
    )


def _check_row(row: Json, *, where: str) -> _Row:
    if not isinstance(row, dict):
        raise UsageError(f"{where}: a variant is a JSON object, this is not.")
    if row.get("level") not in LEVELS:
        near = nearest_hint(str(row.get("level")), LEVELS)
        raise UsageError(f"{where}: unknown level {row.get('level')!r}.{near}")
    try:
        return _Row.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{where}: {first['msg'].lower()} under {key!r}; the row has {', '.join(row)}.",
            hint="A variant needs task, level, perturbation and text.",
        ) from None
