"""Cells whose answer flipped, against the clean instruction in one run or between two runs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.metrics.flipped_cells import (
    FLIP_KINDS,
    FlipKind,
    FlippedCells,
    flipped_between,
    flipped_from_clean,
)
from harness.results.kinds import open_tasks
from reports.diff import Mark
from reports.source import Run, section
from reports.variants import variant_marks

if TYPE_CHECKING:
    import pandas as pd

KINDS: Final[dict[FlipKind, str]] = {
    "right_wrong": "right → wrong",
    "wrong_right": "wrong → right",
    "wrong_wrong": "wrong → other wrong",
}
ROW_LIMIT: Final = 300
"""Flips that one report lists over all its comparisons; all of them are counted."""
_MIN_SHOWN: Final = 30
"""Flips that a comparison lists, however many comparisons there are."""
_FEW: Final = 3
"""Comparisons above which half as many rows are listed, so that a page stays small."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One cell that is answered differently after than before."""

    kind: str
    """One of `KINDS`."""
    task: str
    example_id: str
    input: str
    """The start of the example's input; empty where the run kept none."""
    level: str
    perturbation: str
    instruction_id: str
    variant_id: str
    gold: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Flips:
    """The flips of one comparison: what was compared, how many, and a fair selection."""

    before: str
    after: str
    compared: int
    """Cells that both sides answered."""
    counts: Mapping[FlipKind, int]
    shown: tuple[Flip, ...]
    marks: Mapping[str, tuple[Mark, ...]]
    """Variant id -> its marks, for the shown flips."""

    @property
    def total(self) -> int:
        """All flips, shown or not."""
        return sum(self.counts.values())


def flips_from_clean(run: Run, samples: pd.DataFrame) -> Flips:
    """The cells that a perturbed variant answers otherwise than its clean instruction."""
    flipped = flipped_from_clean(samples, _open_tasks(run))
    return _shape(flipped, run, ("clean instruction", "perturbed variant"), ROW_LIMIT)


def flips_between(
    before: pd.DataFrame,
    after: pd.DataFrame,
    run: Run,
    names: tuple[str, str],
    comparisons: int = 1,
) -> Flips:
    """The cells of the same variants and examples that two runs answer differently.

    `before` and `after` are the samples of the two; `run` is the second. Each of several
    `comparisons` lists its share.
    """
    rows = ROW_LIMIT if comparisons <= _FEW else ROW_LIMIT // 2
    limit = max(_MIN_SHOWN, rows // comparisons)
    return _shape(flipped_between(before, after, _open_tasks(run)), run, names, limit)


def _open_tasks(run: Run) -> frozenset[str]:
    return open_tasks(section(run.manifest, "tasks"))


def _shape(flipped: FlippedCells, run: Run, names: tuple[str, str], limit: int) -> Flips:
    rows = _in_turn(flipped.cells, limit).to_dict("records")
    inputs = _inputs(run, {str(row["example_id"]) for row in rows})
    shown = tuple(_flip(row, inputs) for row in rows)
    return Flips(
        before=names[0],
        after=names[1],
        compared=flipped.compared,
        counts=flipped.counts,
        shown=shown,
        marks=variant_marks(run.variant_records, {flip.variant_id for flip in shown}),
    )


def _in_turn(cells: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Up to `limit` flips, taken in turn from each task, perturbation and kind.

    So a perturbation that flips thousands of cells does not crowd out the others.
    """
    groups = cells.groupby(["task", "perturbation", "kind"], observed=True, sort=False)
    order = cells["kind"].map({kind: rank for rank, kind in enumerate(FLIP_KINDS)})
    ranked = cells.assign(turn=groups.cumcount(), order=order)
    chosen = ranked.sort_values(["turn", "order"], kind="stable").head(limit).index
    return cells.loc[chosen.sort_values()]


def _flip(row: Mapping[Hashable, object], inputs: Mapping[tuple[str, str], str]) -> Flip:
    task, example_id = str(row["task"]), str(row["example_id"])
    return Flip(
        kind=str(row["kind"]),
        task=task,
        example_id=example_id,
        input=inputs.get((task, example_id), ""),
        level=str(row["level"]),
        perturbation=str(row["perturbation"]),
        instruction_id=str(row["instruction_id"]),
        variant_id=str(row["variant_id"]),
        gold=str(row["gold"]),
        before=_answer(row["prediction_before"]),
        after=_answer(row["prediction_after"]),
    )


def _answer(prediction: object) -> str:
    return prediction if isinstance(prediction, str) else "(unparsed)"


def _inputs(run: Run, wanted: set[str]) -> dict[tuple[str, str], str]:
    """Task and example id -> input."""
    if run.examples.empty:
        return {}
    rows = run.examples[run.examples["id"].astype(str).isin(wanted)]
    columns = (map(str, rows[name]) for name in ("task", "id", "input"))
    return {(task, key): text for task, key, text in zip(*columns, strict=True)}
