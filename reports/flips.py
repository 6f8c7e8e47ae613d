"""Cells whose answer changed: against the clean wording in one run, or between two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.core.records import CLEAN
from reports.diff import Mark
from reports.phrasings import variant_marks
from reports.source import Run

if TYPE_CHECKING:
    import pandas as pd

KINDS: Final = {
    "broken": "right → wrong",
    "fixed": "wrong → right",
    "changed": "wrong → other wrong",
}
ROW_LIMIT: Final = 300
"""Flips that one report lists over all its comparisons; all of them are counted."""
_FEWEST: Final = 40
"""Flips that a comparison lists, however many comparisons there are."""


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
    counts: dict[str, int]
    shown: tuple[Flip, ...]
    wordings: dict[str, tuple[Mark, ...]]
    """Variant id -> its marks, for the shown flips."""

    @property
    def total(self) -> int:
        """All flips, shown or not."""
        return sum(self.counts.values())


def flips_from_clean(run: Run, samples: pd.DataFrame) -> Flips:
    """The cells that a perturbed wording answers otherwise than its own clean wording."""
    keys = ["task", "instruction_id", "example_id"]
    perturbed, clean = samples[samples["level"] != CLEAN], samples[samples["level"] == CLEAN]
    return _flips(_paired(clean, perturbed, keys), run, "clean wording", "perturbed wording")


def flips_between(
    before: pd.DataFrame,
    after: pd.DataFrame,
    run: Run,
    names: tuple[str, str],
    comparisons: int = 1,
) -> Flips:
    """The cells of the same wordings and examples that two runs answer differently.

    `before` and `after` are the samples of the two; `run` is the second. Each of several
    `comparisons` lists its share.
    """
    limit = max(_FEWEST, ROW_LIMIT // comparisons)
    return _flips(_paired(before, after, ["variant_id", "example_id"]), run, *names, limit)


def _paired(before: pd.DataFrame, after: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    answers = before[[*keys, "prediction", "correct"]]
    return after.merge(answers, on=keys, suffixes=("_after", "_before"))


def _flips(both: pd.DataFrame, run: Run, before: str, after: str, limit: int = ROW_LIMIT) -> Flips:
    # An unparsed answer is missing; two missing ones are equal here, unlike NaN and NaN.
    answers = [both[f"prediction_{side}"].astype(object).fillna("") for side in ("before", "after")]
    flipped = both[answers[0] != answers[1]]
    flipped = flipped.assign(kind=_kinds(flipped))
    counted = Counter(flipped["kind"])
    rows = _in_turn(flipped, limit).to_dict("records")
    inputs = _inputs(run, {str(row["example_id"]) for row in rows})
    shown = tuple(_flip(row, inputs) for row in rows)
    return Flips(
        before=before,
        after=after,
        compared=len(both),
        counts={kind: counted[kind] for kind in KINDS},
        shown=shown,
        wordings=variant_marks(run.variants, {flip.variant_id for flip in shown}),
    )


def _kinds(flipped: pd.DataFrame) -> pd.Series[str]:
    was, is_now = flipped["correct_before"].astype(bool), flipped["correct_after"].astype(bool)
    kinds = was.map({True: "broken", False: "changed"})
    return kinds.mask(is_now & ~was, "fixed")


def _in_turn(flipped: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Up to `limit` flips, taken in turn from each task, perturbation and kind.

    So a perturbation that flips thousands of cells does not crowd out the others.
    """
    groups = flipped.groupby(["task", "perturbation", "kind"], observed=True, sort=False)
    order = flipped["kind"].map({kind: rank for rank, kind in enumerate(KINDS)})
    ranked = flipped.assign(turn=groups.cumcount(), order=order)
    chosen = ranked.sort_values(["turn", "order"], kind="stable").head(limit).index
    return flipped.loc[chosen.sort_values()]


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
