"""The cells of a run that are asked again, task by task, with what it answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.core.records import Cell, Example
from harness.evaluation.plan import Plan
from harness.explanation.ask import Answered
from harness.explanation.ready import ReadyRun
from harness.explanation.store import Key
from harness.results.primary import primary_samples
from harness.results.rundir import Run
from harness.results.store import read_texts
from harness.tasks import Task


def answered_cells(ready: ReadyRun, keys: Sequence[Key]) -> Iterator[tuple[Task, list[Answered]]]:
    """The cells of a run with what it answered, task by task."""
    samples = primary_samples(ready.run)
    wanted = set(keys)
    predictions: dict[Key, str | None] = {
        (str(variant), str(example)): answer if isinstance(answer, str) else None
        for variant, example, answer in zip(
            samples["variant_id"], samples["example_id"], samples["prediction"].astype(object),
            strict=True,
        )
        if (variant, example) in wanted
    }  # fmt: skip
    texts = _texts(ready.run, keys) if (samples["scorer"] == "generate").any() else {}
    read = set(samples.loc[samples["scorer"] == "generate", "task"].astype(str))
    plan = ready.plan.plan
    for task, cells in cells_of(plan, keys):
        written = texts if task.name in read else {}
        keyed = ((cell, key_of(cell)) for cell in cells)
        yield task, [Answered(cell, predictions.get(key), written.get(key)) for cell, key in keyed]


def cells_of(plan: Plan, keys: Sequence[Key]) -> Iterator[tuple[Task, list[Cell]]]:
    """The cells of a run's plan task by task, inputs perturbed where the variant targets them."""
    by_variant: dict[str, list[str]] = {}
    for variant, example in keys:
        by_variant.setdefault(variant, []).append(example)
    for task in plan.tasks:
        examples: dict[str, Example] = {example.id: example for example in task.examples}
        cells = [
            cell
            for variant in plan.variants[task.name]
            if variant.id in by_variant
            for cell in plan.block(
                task, variant, tuple(examples[example] for example in by_variant[variant.id])
            ).cells()
        ]
        if cells:
            yield task, cells


def key_of(cell: Cell) -> Key:
    """A cell's name on disk."""
    return cell.variant.id, cell.example.id


def _texts(run: Run, keys: Sequence[Key]) -> Mapping[Key, str]:
    variants = sorted({variant for variant, _ in keys})
    examples = sorted({example for _, example in keys})
    return read_texts(run.path / "samples.sqlite", variants, examples)
