"""Where the variance of answers comes from, and what asking more would narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Final, Literal

import numpy as np

from harness.metrics.grid import Group
from harness.metrics.influences import of_drop
from harness.results.summary import Narrowing, VarianceShares
from harness.stats.planning import Cells, measure_parts
from harness.stats.prediction import CellVariance, Size, half_width, predict

NARROW: Final = 0.01
"""A half-width, one point, below which more is not worth asking."""


def variance_shares(group: Group) -> VarianceShares | None:
    """The shares of the variance of scores that examples, instructions and the rest bring.

    A second look with perturbations in the place of instructions tells what is theirs. None where
    nothing varied.
    """
    by_instruction = measure_parts(group.score, group.present, group.families)
    kinds = np.zeros(len(group.families), np.int64) if group.kinds is None else group.kinds
    told = len(np.unique(kinds)) > 1 and len(np.unique(group.families)) > 1
    by_kind = measure_parts(group.score, group.present, kinds) if told else None
    perturbations = by_kind.instructions if by_kind else 0.0
    met = by_kind.meetings if by_kind else 0.0
    parts = {
        "examples": by_instruction.examples,
        "instructions": by_instruction.instructions,
        "perturbations": perturbations,
        "variants": max(by_instruction.variants - perturbations, 0.0),
        "instructions_on_examples": by_instruction.meetings,
        "perturbations_on_examples": met,
        "cells": max(by_instruction.cells - met, 0.0),
    }
    total = sum(parts.values())
    if total <= 0:
        return None
    return VarianceShares(**{name: round(part / total, 10) for name, part in parts.items()})


def mean_shares(tasks: Sequence[VarianceShares]) -> VarianceShares:
    """The plain mean over tasks of each share."""
    names = [field.name for field in fields(VarianceShares)]
    means = {name: float(np.mean([getattr(one, name) for one in tasks])) for name in names}
    return VarianceShares(**{name: round(mean, 10) for name, mean in means.items()})


def narrowing_of(group: Group, confidence: float) -> Narrowing | None:
    """What more examples, instructions or cells would take off the interval of this group.

    Of the drop's interval where there is one, else of accuracy's: what a finished run of that size
    is expected to have (`harness.stats.planning`), beside what one of this size is.
    """
    parts, of = _parts(group)
    instructions = len(np.unique(group.families))
    size = Size(
        instructions=instructions,
        variants=max(round(len(group.variants) / instructions), 1),
        examples=len(group.examples),
        share=float(group.present.mean()),
    )
    now = half_width(predict(parts, size), confidence)
    if not now > 0:
        return None

    def saved(larger: Size) -> float:
        # Other degrees of freedom may widen it a little: nothing is saved below 0.
        return round(max(1 - half_width(predict(parts, larger), confidence) / now, 0.0), 10)

    saves = {
        "examples": saved(replace(size, examples=2 * size.examples)),
        "instructions": saved(replace(size, instructions=2 * instructions)),
        "cells": saved(replace(size, share=1.0)) if group.has_holes else 0.0,
    }
    return Narrowing(of=of, best=_best(saves, now), **saves)


def drop_parts(group: Group) -> CellVariance | None:
    """The variance parts of clean less perturbed score, cell by cell; None without clean cells."""
    lost = of_drop(group)
    if lost is None:
        return None
    return replace(measure_parts(*drop_cells(group)), flows=lost.flows)


def drop_cells(group: Group) -> Cells:
    """Clean less perturbed score, cell by cell, where both are there."""
    return group.clean_score - group.score, group.matched, group.families


def _parts(group: Group) -> tuple[CellVariance, Literal["accuracy", "drop"]]:
    of_drops = drop_parts(group)
    if of_drops is not None:
        return of_drops, "drop"
    return measure_parts(group.score, group.present, group.families), "accuracy"


def _best(
    saves: dict[str, float], now: float
) -> Literal["examples", "instructions", "cells", "nothing"]:
    if now <= NARROW:
        return "nothing"
    if saves["cells"] >= max(saves["examples"], saves["instructions"]):
        return "cells"
    return "examples" if saves["examples"] >= saves["instructions"] else "instructions"
