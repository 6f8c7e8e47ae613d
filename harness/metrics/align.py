"""Grids of several runs, cut to the cells that all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.metrics.grid import Answers, Grid, as_answers
from harness.stats.arrays import Singles


def align_grids(grids: Sequence[Grid]) -> list[Grid]:
    """The grids of one task, with the same variants, on the examples and cells that all have.

    Answers are coded alike afterwards, so that they can be compared across runs.
    """
    common = sorted(set(grids[0].examples).intersection(*(grid.examples for grid in grids[1:])))
    labels = tuple(dict.fromkeys(label for grid in grids for label in grid.labels))
    columns = [_places(grid.examples, common) for grid in grids]
    present = np.all(
        [grid.present[:, column] for grid, column in zip(grids, columns, strict=True)], axis=0
    )
    return [
        replace(
            grid,
            examples=tuple(common),
            labels=labels,
            score=grid.score[:, column],
            answer=_recode(grid, labels)[:, column],
            present=present,
            gold=grid.gold[column],
            likelihood=_likelihood(grid, column, labels),
        )
        for grid, column in zip(grids, columns, strict=True)
    ]


def _places(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    where = {name: place for place, name in enumerate(names)}
    return [where[name] for name in wanted]


def _likelihood(grid: Grid, column: Sequence[int], labels: Sequence[str]) -> Singles | None:
    """The likelihoods of the labels, in the order in which all runs have them."""
    if grid.likelihood is None:
        return None
    own = grid.labels[: grid.likelihood.shape[2]]
    # Tasks of one name whose labels differ are compared by force alone: no order is common.
    return grid.likelihood[:, column] if own == tuple(labels[: len(own)]) else None


def _recode(grid: Grid, labels: Sequence[str]) -> Answers:
    """The answers by their place among `labels`; the unparsed stay what they are."""
    codes = np.array([*_places(labels, grid.labels), -1], dtype=np.int64)
    return as_answers(codes[grid.answer], labels)
