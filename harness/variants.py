"""The variants of a run: made by perturbations, or replayed from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import UsageError, nearest_hint
from harness.records import (
    CLEAN,
    LEVELS,
    Edit,
    Instruction,
    Target,
    Validity,
    Variant,
    stable_hash,
    stable_id,
)
from harness.rundir import Json, read_jsonl
from harness.tasks import Task
from perturbations import Perturbation, Similarity, clean_variant, make_variants


@dataclass(frozen=True, slots=True)
class TaskVariants:
    """The variants of one task, the clean ones first, and what did not become one."""

    variants: tuple[Variant, ...]
    no_ops: Mapping[str, int] = field(default_factory=dict)
    """Perturbation -> how often it found nothing to change."""
    duplicates: Mapping[str, int] = field(default_factory=dict)
    """Perturbation -> how often it gave a text that was there already."""


@dataclass(frozen=True, slots=True)
class VariantOptions:
    """How variants are made."""

    seed: int
    per_perturbation: int = 1
    target: Target = "instruction"
    similarity: Similarity | None = None
    min_similarity: float | None = None
    data_dir: Path | None = None


def build_variants(
    task: Task, perturbations: Sequence[Perturbation], options: VariantOptions
) -> TaskVariants:
    """Clean and perturbed variants of every instruction of a task."""
    clean = [clean_variant(task.name, instruction) for instruction in task.instructions]
    if options.target == "input":
        made = [
            variant
            for instruction in task.instructions
            for variant in _input_variants(task, instruction, perturbations, options)
        ]
        return TaskVariants(variants=(*clean, *made))
    perturbed: list[Variant] = []
    no_ops: Counter[str] = Counter()
    duplicates: Counter[str] = Counter()
    for instruction in task.instructions:
        result = make_variants(
            task.name,
            instruction,
            perturbations=perturbations,
            label_words=task.label_words,
            paraphrases=task.paraphrases.get(instruction.id, ()),
            others=tuple(i.text for i in task.instructions if i.id != instruction.id),
            seed=options.seed,
            per_perturbation=options.per_perturbation,
            data_dir=options.data_dir,
            similarity=options.similarity,
        )
        perturbed += [_retarget(variant, options.target) for variant in result.variants]
        no_ops += result.no_ops
        duplicates += result.duplicates
    return TaskVariants(
        variants=(*clean, *perturbed),
        no_ops=dict(sorted(no_ops.items())),
        duplicates=dict(sorted(duplicates.items())),
    )


def read_variants(path: Path, tasks: Sequence[Task]) -> dict[str, TaskVariants]:
    """The variants of a replay file by task; every task of the file must be among `tasks`.

    A row needs task, level, perturbation and text; a run's own variants.jsonl has more.

    Raises:
        UsageError: a missing or unknown key value, with the line.
    """
    by_name = {task.name: task for task in tasks}
    found: dict[str, dict[str, Variant]] = {name: {} for name in by_name}
    for number, row in enumerate(read_jsonl(path), 1):
        variant = _replayed(row, by_name, where=f"{path}, line {number}")
        found[variant.task].setdefault(variant.id, variant)
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
            id=stable_id(options.seed, task.name, instruction.id, perturbation.name, index, "in"),
            level=perturbation.level,
            perturbation=perturbation.name,
            index=index,
            seed=stable_hash(
                options.seed, task.name, instruction.id, perturbation.name, index, "input"
            ),
            target="input",
        )
        for perturbation in perturbations
        if perturbation.on_input
        for index in range(options.per_perturbation)
    ]


def _retarget(variant: Variant, target: Target) -> Variant:
    if target == "instruction":
        return variant
    return replace(variant, target=target, id=stable_id(variant.id, target))


def _replayed(row: Json, tasks: Mapping[str, Task], *, where: str) -> Variant:
    if not isinstance(row, dict):
        raise UsageError(f"{where}: a variant is a JSON object, this is not.")
    for key in ("task", "level", "perturbation", "text"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise UsageError(
                f"{where}: a variant needs a text under {key!r}; it has {', '.join(row) or 'none'}."
            )
    if row["task"] not in tasks:
        raise UsageError(
            f"{where}: task {row['task']!r} is not among the tasks of this run "
            f"({', '.join(tasks)}).{nearest_hint(row['task'], tasks)}"
        )
    if row["level"] not in LEVELS:
        raise UsageError(
            f"{where}: unknown level {row['level']!r}.{nearest_hint(row['level'], LEVELS)}"
        )
    originals = {i.id: i.text for i in tasks[row["task"]].instructions}
    instruction_id = row.get("instruction_id") or ""
    identity = (row["task"], row["level"], row["perturbation"], instruction_id, row["text"])
    validity = row.get("validity")
    return Variant(
        id=row.get("id") or stable_id(*identity),
        task=row["task"],
        level=row["level"],
        perturbation=row["perturbation"],
        instruction_id=instruction_id,
        index=row.get("index", 0),
        seed=row.get("seed", 0),
        text=row["text"],
        original=row.get("original") or originals.get(instruction_id, row["text"]),
        edits=tuple(Edit(**edit) for edit in row.get("edits") or ()),
        validity=Validity(**validity) if validity else None,
        target=row.get("target", "instruction"),
    )
