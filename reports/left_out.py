"""Perturbations that a level lacks in a run, in words: a level of three is not one of five."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from harness.core.records import LeftOut, LeftOutReason, in_level_order
from harness.results.summary import PerturbationValidity
from reports.formatting import counted, listed

_REASONS: Final[Mapping[LeftOutReason, str]] = {
    "package": "the package {need} is not installed",
    "data": "no data folder holds {need}",
    "target": "they rewrite instructions, and the target is {need}",
    "language": "they are made for {need}, and an instruction is written in another language",
}


def reason_of(one: LeftOut) -> str:
    """Why a perturbation was left out: 'the package lemminflect is not installed'."""
    return _REASONS[one.reason].format(need=one.need)


def level_notes(
    left_out: Iterable[LeftOut], validity: Mapping[str, PerturbationValidity]
) -> Iterator[str]:
    """One sentence for each level that runs with fewer perturbations than were asked for."""
    by_level: dict[str, list[LeftOut]] = {}
    for one in left_out:
        by_level.setdefault(one.level, []).append(one)
    for level in in_level_order(by_level):
        ran = sum(row.level == level for row in validity.values())
        lacks = listed(list(_with_reasons(by_level[level])))
        verb = "makes" if ran == 1 else "make"
        yield f"{counted(ran, 'perturbation')} {verb} up the {level} level, which lacks {lacks}."


def _with_reasons(left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Names that share a reason stand before it: 'inflection and tense (the package … )'."""
    for reason, group in groupby(sorted(left_out, key=reason_of), key=reason_of):
        yield f"{listed([one.name for one in group])} ({reason})"
