"""Cells whose answer changed: against the clean wording in one run, or between two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.records import CLEAN
from reports.diff import Mark, word_marks
from reports.source import Run

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["broken", "fixed", "changed"]
KINDS: Final[dict[Kind, str]] = {
    "broken": "right → wrong",
    "fixed": "wrong → right",
    "changed": "wrong → other wrong",
}
ROW_LIMIT: Final = 300
"""Flips that one report lists; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One cell that is answered differently after than before."""

    kind: Kind
    task: str
    example_id: str
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
    counts: dict[Kind, int]
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
    before: pd.DataFrame, after: pd.DataFrame, run: Run, names: tuple[str, str]
) -> Flips:
    """The cells of the same wordings and examples that two runs answer differently.

    `before` and `after` are the samples of the two; `run` is the second.
    """
    return _flips(_paired(before, after, ["variant_id", "example_id"]), run, *names)


def _paired(before: pd.DataFrame, after: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    answers = before[[*keys, "prediction", "correct"]]
    return after.merge(answers, on=keys, suffixes=("_after", "_before"))


def _flips(both: pd.DataFrame, run: Run, before: str, after: str) -> Flips:
    if both.empty:
        return Flips(before, after, 0, dict.fromkeys(KINDS, 0), (), {})
    # An unparsed answer is missing; two missing ones are equal here, unlike NaN and NaN.
    before_text, after_text = (
        both[f"prediction_{side}"].astype(object).fillna("") for side in ("before", "after")
    )
    flipped = both[before_text != after_text]
    flips = [_flip(row) for row in flipped.to_dict("records")]
    counted = Counter(flip.kind for flip in flips)
    shown = _in_turn(flips, ROW_LIMIT)
    return Flips(
        before=before,
        after=after,
        compared=len(both),
        counts={kind: counted[kind] for kind in KINDS},
        shown=shown,
        wordings=_wordings(run, {flip.variant_id for flip in shown}),
    )


def _flip(row: Mapping[Hashable, object]) -> Flip:
    was, is_now = bool(row["correct_before"]), bool(row["correct_after"])
    kind: Kind = "broken" if was and not is_now else "fixed" if is_now and not was else "changed"
    return Flip(
        kind=kind,
        task=str(row["task"]),
        example_id=str(row["example_id"]),
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


def _in_turn(flips: Sequence[Flip], limit: int) -> tuple[Flip, ...]:
    """Up to `limit` flips, taken in turn from each task, perturbation and kind.

    So a perturbation that flips thousands of cells does not crowd out the others.
    """
    turn: Counter[tuple[str, str, Kind]] = Counter()
    ranked = []
    order = list(KINDS)
    for position, flip in enumerate(flips):
        group = (flip.task, flip.perturbation, flip.kind)
        ranked.append((turn[group], order.index(flip.kind), position))
        turn[group] += 1
    chosen = sorted(position for *_, position in sorted(ranked)[:limit])
    return tuple(flips[position] for position in chosen)


def _wordings(run: Run, wanted: set[str]) -> dict[str, tuple[Mark, ...]]:
    if run.variants.empty:
        return {}
    rows = run.variants[run.variants["id"].isin(wanted)]
    return {
        str(key): word_marks(str(original), str(text))
        for key, original, text in zip(rows["id"], rows["original"], rows["text"], strict=True)
    }
