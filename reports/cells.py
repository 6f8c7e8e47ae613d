"""Every cell of a run, shaped for the map of its page and for what a reader opens from there.

Arrays travel as base64 of one byte a value: a cell costs its state and, where it was asked, its
answer and a probability per label. Texts of models and tasks are made visible here, and are shown
as text there.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.core.records import Variant
from harness.metrics.cell_map import CellMap, CellState, map_cells
from harness.metrics.grid import build_grids
from harness.results.kinds import own_scorers
from reports.diff import Mark, word_marks
from reports.source import Run, section
from reports.visible import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.stats.arrays import Integers, Singles

INPUT_LIMIT: Final = 500
"""Characters of an example's input that a page shows."""
_SAID_LIMIT: Final = 160
_SAID_CELLS: Final = 20_000
"""Cells whose generated text a page holds."""
_MARKED: Final = 800
"""Characters of a variant that are shown and marked."""
_NONE: Final = 255
"""Stands for a missing value."""
_STEPS: Final = 250
"""A share is sent as so many steps, which is finer than the whole percent it is shown in."""
_KINDS: Final = {"same": 0, "removed": 1, "added": 2}


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One example over all variants."""

    place: int
    """Its row in the map: 0 is the hardest."""
    task: str
    id: str
    gold: str
    input: str
    """Empty where the run kept none."""
    accuracy: float
    flip_rate: float | None
    asked: int


@dataclass(frozen=True, slots=True)
class TaskCells:
    """The cells of one task in one run."""

    task: str
    metric: str
    map: CellMap
    variants: tuple[Variant, ...]
    """In the order of the map."""
    accuracies: tuple[float | None, ...]
    """Of the variants, in the order of the map."""
    examples: tuple[ExampleRow, ...]
    """In the order of the map."""
    said: Mapping[tuple[str, str], str]

    @property
    def least_stable(self) -> Iterator[ExampleRow]:
        """The examples whose answer flips, those that flip most first."""
        rows = (self.examples[place] for place in self.map.least_stable)
        return (row for row in rows if row.flip_rate)


def task_cells(run: Run) -> tuple[TaskCells, ...]:
    """The cells of each task of a run, as the scorer of its main tables reads them."""
    tasks = section(run.manifest, "tasks")
    if run.compact_samples.empty or not run.summary.tasks:
        return ()
    grids = build_grids(
        run.scored_samples,
        run.variants,
        {name: task.labels for name, task in run.summary.tasks.items()},
        scorer=run.summary.scorer,
        own_scorers=own_scorers(tasks),
    )
    known = {name: stats.accuracy for name, stats in run.summary.variants.items()}
    priors = run.priors if run.summary.scorer == "calibrated" else {}
    said = run.said(_SAID_CELLS, _SAID_LIMIT)
    records = {variant.id: variant for variant in run.variant_records}
    inputs = _inputs(run)
    return tuple(
        TaskCells(
            task=name,
            metric=run.summary.tasks[name].metric,
            map=cells,
            variants=tuple(records[one] for one in cells.variants),
            accuracies=tuple(known.get(one) for one in cells.variants),
            examples=tuple(_examples(cells, inputs)),
            said=said,
        )
        for name, grid in grids.items()
        for cells in [map_cells(grid, known, priors)]
    )


def least_stable(tasks: Sequence[TaskCells], limit: int) -> list[ExampleRow]:
    """The examples of all tasks that flip most, up to `limit`."""
    rows = [row for task in tasks for row in task.least_stable]
    return sorted(rows, key=lambda row: -(row.flip_rate or 0.0))[:limit]


def cells_json(tasks: Sequence[TaskCells], run: int) -> list[dict[str, object]]:
    """The tasks of the run at a place of its page, as the page's script reads them."""
    return [_task_json(task, run) for task in tasks]


def _inputs(run: Run) -> dict[tuple[str, str], tuple[str, str]]:
    """Task and example id -> its gold answer and the start of its input."""
    if run.examples.empty:
        return {}
    columns = (map(str, run.examples[name]) for name in ("task", "id", "gold", "input"))
    rows = zip(*columns, strict=True)
    return {(task, key): (gold, text) for task, key, gold, text in rows}


def _examples(
    cells: CellMap, inputs: Mapping[tuple[str, str], tuple[str, str]]
) -> Iterator[ExampleRow]:
    for place, example in enumerate(cells.examples):
        gold, text = inputs.get((cells.task, example), ("", ""))
        rate = float(cells.flip_rate[place])
        yield ExampleRow(
            place=place,
            task=cells.task,
            id=example,
            gold=gold,
            input=text,
            accuracy=float(cells.accuracy[place]),
            flip_rate=None if np.isnan(rate) else rate,
            asked=int(cells.asked[place]),
        )


def _task_json(task: TaskCells, run: int) -> dict[str, object]:
    cells = task.map
    coded = not cells.is_open and len(cells.labels) < _NONE
    return {
        "run": run,
        "task": visible(task.task),
        "metric": task.metric,
        "labels": [visible(one) for one in cells.labels] if coded else [],
        "variants": [
            _variant_json(variant, accuracy)
            for variant, accuracy in zip(task.variants, task.accuracies, strict=True)
        ],
        "examples": [
            [
                visible(row.id, limit=200),
                visible(row.gold, limit=200),
                visible(row.input, limit=INPUT_LIMIT),
                round(row.accuracy, 3),
                None if row.flip_rate is None else round(row.flip_rate, 3),
            ]
            for row in task.examples
        ],
        "states": _bytes(cells.states),
        **_values_json(cells, coded=coded),
        "said": _said_json(task),
    }


def _values_json(cells: CellMap, *, coded: bool) -> dict[str, str | None]:
    """The values of the cells that were asked, in the order of the states."""
    asked = cells.states != CellState.HOLE
    answer, probability = cells.answer[asked], cells.probability
    return {
        "answers": _bytes(np.where(answer < 0, _NONE, answer)) if coded else None,
        "scores": _shares(cells.score[asked]) if cells.is_open else None,
        "probabilities": None if probability is None else _shares(probability[asked]),
    }


def _variant_json(variant: Variant, accuracy: float | None) -> list[object]:
    marks = word_marks(variant.original[:_MARKED], variant.text[:_MARKED])
    return [
        visible(variant.level),
        visible(variant.perturbation, limit=200),
        visible(variant.instruction_id, limit=200),
        None if accuracy is None else round(accuracy, 3),
        [_mark_json(mark) for mark in marks],
    ]


def _mark_json(mark: Mark) -> object:
    """Plain text as it is; a mark as its kind, its text in turn plain and differing, its note."""
    if mark.kind == "same":
        return visible(mark.text)
    parts, done = [], 0
    for start, end in mark.focus:
        parts += [visible(mark.text[done:start]), visible(mark.text[start:end])]
        done = end
    return [_KINDS[mark.kind], [*parts, visible(mark.text[done:])], visible(mark.note)]


def _said_json(task: TaskCells) -> dict[str, str]:
    """The place of a cell, variant times examples plus example, -> what was generated there."""
    if not task.said:
        return {}
    down = {variant: place for place, variant in enumerate(task.map.variants)}
    across = {example: place for place, example in enumerate(task.map.examples)}
    return {
        str(down[variant] * len(across) + across[example]): visible(text)
        for (variant, example), text in task.said.items()
        if variant in down and example in across
    }


def _shares(values: Singles) -> str:
    steps = np.where(np.isfinite(values), np.rint(np.nan_to_num(values) * _STEPS), _NONE)
    return _bytes(steps)


def _bytes(values: Integers | NDArray[np.float32] | NDArray[np.float64]) -> str:
    return base64.b64encode(values.astype(np.uint8).tobytes()).decode("ascii")
