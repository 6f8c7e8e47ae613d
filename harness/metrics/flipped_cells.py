"""Cells that are answered otherwise: against the clean instruction, or by another run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.core.records import CLEAN, RIGHT_FROM

if TYPE_CHECKING:
    import pandas as pd

FlipKind = Literal["right_wrong", "wrong_right", "wrong_wrong"]
FLIP_KINDS: Final[tuple[FlipKind, ...]] = ("right_wrong", "wrong_right", "wrong_wrong")


@dataclass(frozen=True, slots=True)
class FlippedCells:
    """The cells that both sides answered, and those of them that they answer differently."""

    compared: int
    counts: Mapping[FlipKind, int]
    cells: pd.DataFrame
    """One row per flipped cell: the second side's sample, with `prediction_before`,
    `prediction_after` and `kind`."""


def flipped_from_clean(
    samples: pd.DataFrame, open_tasks: Collection[str] = frozenset()
) -> FlippedCells:
    """The cells that a perturbed variant answers otherwise than its clean instruction.

    Args:
        samples: of one scorer, one row per cell.
        open_tasks: tasks with answers in free text, which flip where right becomes wrong or wrong
            right, however they are worded.
    """
    perturbed, clean = samples[samples["level"] != CLEAN], samples[samples["level"] == CLEAN]
    return _flipped(clean, perturbed, ["task", "instruction_id", "example_id"], open_tasks)


def flipped_between(
    before: pd.DataFrame, after: pd.DataFrame, open_tasks: Collection[str] = frozenset()
) -> FlippedCells:
    """The cells, same variant and example, that two runs' samples answer differently."""
    return _flipped(before, after, ["variant_id", "example_id"], open_tasks)


def _flipped(
    before: pd.DataFrame, after: pd.DataFrame, keys: Sequence[str], open_tasks: Collection[str]
) -> FlippedCells:
    answers = before[[*keys, "prediction", "score"]]
    both = after.merge(answers, on=list(keys), suffixes=("_after", "_before"))
    # An unparsed answer is missing; two missing ones are equal here, unlike NaN and NaN.
    was, now = (
        both[f"prediction_{side}"].astype(object).fillna("") for side in ("before", "after")
    )
    changed = was != now
    if open_tasks:
        crossed = (both["score_before"] >= RIGHT_FROM) != (both["score_after"] >= RIGHT_FROM)
        changed = changed.mask(both["task"].astype(object).isin(open_tasks), crossed)
    cells = both[changed]
    cells = cells.assign(kind=_kinds(cells))
    counted = Counter(cells["kind"])
    return FlippedCells(len(both), {kind: counted[kind] for kind in FLIP_KINDS}, cells)


def _kinds(cells: pd.DataFrame) -> pd.Series[str]:
    was, is_now = (cells[f"score_{side}"] >= RIGHT_FROM for side in ("before", "after"))
    kinds = was.map({True: "right_wrong", False: "wrong_wrong"})
    return kinds.mask(is_now & ~was, "wrong_right")
