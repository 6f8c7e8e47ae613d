"""A task's cells laid out to be looked at: the hardest example first, the variants by level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from harness.core.records import LEVELS, RIGHT_FROM
from harness.metrics.grid import Answers, Grid
from harness.metrics.probability import label_probabilities
from harness.stats.arrays import Booleans, Floats, Integers, Singles, ratio


class CellState(IntEnum):
    """What became of a cell, beside the clean answer to the same example."""

    HOLE = 0
    """The design does not ask it."""
    RIGHT = 1
    WRONG = 2
    RIGHT_TO_WRONG = 3
    """Wrong, where the clean instruction is answered right."""
    WRONG_TO_RIGHT = 4
    WRONG_TO_OTHER = 5
    """Wrong both times, by another answer."""


@dataclass(frozen=True, slots=True)
class CellMap:
    """One task's cells: K variants by level, N examples by how hard they are."""

    task: str
    labels: tuple[str, ...]
    """What codes of answers stand for; a code below 0 is an unparsed answer."""
    is_open: bool
    """Whether answers are free text."""
    variants: tuple[str, ...]  # [K], by level; in a level the most accurate first
    examples: tuple[str, ...]  # [N], the hardest first
    states: Integers  # [K, N], of `CellState`
    score: Singles  # [K, N]
    answer: Answers  # [K, N]
    probability: Singles | None  # [K, N, labels], as `label_probabilities`
    accuracy: Floats  # [N], an example's mean score, adjusted for which variants asked it
    flip_rate: Floats  # [N], of its perturbed cells with a clean one; NaN where there are none
    asked: Integers  # [N], its cells

    @property
    def has_holes(self) -> bool:
        """Whether some variant was not asked on some example."""
        return bool((self.states == CellState.HOLE).any())

    @property
    def least_stable(self) -> Integers:
        """The places of examples [N], the highest flip rate first; without one, last."""
        return np.lexsort((self.accuracy, -np.nan_to_num(self.flip_rate, nan=-1.0)))


def map_cells(
    grid: Grid,
    accuracies: Mapping[str, float],
    priors: Mapping[str, Mapping[str, float]] | None = None,
) -> CellMap:
    """The cells of a task, in the order of a picture.

    An example's accuracy is the mean over its cells of the score less the variant's own accuracy,
    plus the mean accuracy of all variants: where a design asks only a part, an example is not hard
    because it met bad variants.

    Args:
        grid: the cells.
        accuracies: variant -> its accuracy, of the whole where only a part was asked.
        priors: as for `label_probabilities`.
    """
    own = np.array([accuracies.get(one, np.nan) for one in grid.variants])
    examples = _adjusted_accuracy(grid, own)
    across = np.lexsort((np.array(grid.examples), examples))
    down = _by_level(grid, own)
    cells = np.ix_(down, across)
    matched, flipped = _flips(grid)
    rate = ratio(flipped.sum(axis=0).astype(np.float64), matched.sum(axis=0))
    probability = label_probabilities(grid, priors)
    return CellMap(
        task=grid.task,
        labels=grid.labels,
        is_open=grid.is_open,
        variants=tuple(grid.variants[place] for place in down),
        examples=tuple(grid.examples[place] for place in across),
        states=_states(grid, flipped)[cells],
        score=grid.score[cells],
        answer=grid.answer[cells],
        probability=None if probability is None else probability[cells],
        accuracy=examples[across],
        flip_rate=rate[across],
        asked=grid.present.sum(axis=0)[across],
    )


def _adjusted_accuracy(grid: Grid, own: Floats) -> Floats:
    there = grid.present.astype(np.float64)
    apart = np.where(grid.present, grid.score - np.nan_to_num(own)[:, None], 0.0)
    known = own[np.isfinite(own)]
    mean = float(known.mean()) if len(known) else 0.0
    adjusted = ratio(apart.sum(axis=0), there.sum(axis=0)) + mean
    return np.asarray(np.clip(adjusted, 0.0, 1.0))


def _by_level(grid: Grid, own: Floats) -> Integers:
    """The variants that have cells: clean first, in a level the most accurate first."""
    places = [place for place, row in enumerate(grid.present) if row.any()]
    known: dict[str, int] = {level: number for number, level in enumerate(LEVELS)}
    worst_last = -np.nan_to_num(own, nan=-1.0)
    places.sort(key=lambda at: (known.get(grid.levels[at], len(known)), worst_last[at], at))
    return np.array(places, dtype=np.int64)


def _flips(grid: Grid) -> tuple[Booleans, Booleans]:
    """Which cells [K, N] have a clean cell beside them, and which of these are flips."""
    clean = grid.clean_row
    others = (clean >= 0) & (clean != np.arange(len(clean)))
    beside = np.where(clean < 0, 0, clean)
    matched = grid.present & grid.present[beside] & others[:, None]
    right = grid.score >= RIGHT_FROM
    changed = right != right[beside]
    if not grid.is_open:
        changed = grid.answer != grid.answer[beside]
    return matched, matched & changed


def _states(grid: Grid, flipped: Booleans) -> Integers:
    right = grid.score >= RIGHT_FROM
    was = right[np.where(grid.clean_row < 0, 0, grid.clean_row)]
    states = np.where(right, CellState.RIGHT, CellState.WRONG)
    states = np.where(flipped & was & ~right, CellState.RIGHT_TO_WRONG, states)
    states = np.where(flipped & ~was & right, CellState.WRONG_TO_RIGHT, states)
    states = np.where(flipped & ~was & ~right, CellState.WRONG_TO_OTHER, states)
    return np.where(grid.present, states, CellState.HOLE).astype(np.uint8)
