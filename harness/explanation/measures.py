"""The measures of an explanation, from pairs of cells: means, links and their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.core.records import stable_hash
from harness.explanation.values import PairValues, known
from harness.results.explanation import Correlation, GroupMeasures, Links, Measure
from harness.results.quantity import Quantity
from harness.stats.arrays import Booleans, Floats, Integers, prompt_weights
from harness.stats.estimate import Kind
from harness.stats.rank_correlation import Clusters, correlation_interval, rank_correlation
from harness.stats.twoway import FEWEST, Influence, estimate, influence_of_mean, linear

KINDS: Final[Mapping[Measure, Kind]] = {
    "instruction": "share",
    "input": "share",
    "labels": "share",
    "inserted": "share",
    "changed": "share",
    "instruction_share": "share",
    "input_share": "share",
    "shift": "ratio",
    "share_shift": "ratio",
    "score": "ratio",
}
"""Measure -> what its values can be: from 0 to 1, or differences and scores, whose interval is
Student's."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of one cell, and what it shares with others."""

    variant: str
    instruction: str
    example: str
    value: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """How sure intervals are to be, and what resamples are drawn by."""

    confidence: float = 0.95
    seed: int = 0


def mean_of(values: Iterable[Observation], kind: Kind, confidence: float) -> Quantity | None:
    """The mean over variants of their means, with its interval over examples and instructions.

    Args:
        values: One per cell; those that are no number are left out.
        kind: Where the mean can lie, which its interval respects.
        confidence: Of the interval.

    Returns:
        None where no value is left.
    """
    held = [one for one in values if math.isfinite(one.value)]
    if not held:
        return None
    grid = Grid.of(held)
    influence = grid.influence([one.value for one in held])
    found = estimate(influence, grid.families, kind=kind)
    return Quantity(found.value, found.interval(confidence))


def ratio_of(
    above: Sequence[Observation], below: Sequence[float], confidence: float
) -> Quantity | None:
    """The ratio of two means over the same cells, with its interval.

    Args:
        above: a value per cell.
        below: the other one, cell by cell.
        confidence: of the interval.
    """
    if not above:
        return None
    grid = Grid.of(above)
    first, second = (
        grid.influence(values) for values in ([one.value for one in above], list(below))
    )
    if second.value <= 0:
        return None
    ratio = first.value / second.value
    both = linear(ratio, [(1 / second.value, first), (-ratio / second.value, second)])
    found = estimate(both, grid.families, kind="ratio")
    return Quantity(found.value, found.interval(confidence))


def measure_group(pairs: Sequence[PairValues], confidence: float) -> GroupMeasures:
    """The measures of a level's or a perturbation's cells."""
    found = {
        name: mean_of(observations(pairs, name), kind, confidence) for name, kind in KINDS.items()
    }
    return GroupMeasures(
        cells=len(pairs),
        measures={name: value for name, value in found.items() if value is not None},
    )


def observations(pairs: Iterable[PairValues], name: Measure) -> list[Observation]:
    """A measure of the perturbed cells."""
    return [
        observe(one, one.values[name])
        for one in pairs
        if math.isfinite(one.values.get(name, math.nan))
    ]


def observe(one: PairValues, value: float) -> Observation:
    """A value of a pair's perturbed cell."""
    pair = one.pair
    return Observation(
        pair.variant_id,
        f"{pair.task}/{one.instruction_id}",
        f"{pair.task}/{pair.example_id}",
        value,
    )


def find_links(pairs: Sequence[PairValues], shift: Measure, statistics: Statistics) -> Links:
    """How a shift goes with the loss of the right answer's log-odds and with flips.

    Args:
        pairs: Perturbed cells against their clean twins.
        shift: The measure whose change is ranked.
        statistics: Confidence and seed of the bootstrap.
    """

    def correlate(told: Callable[[PairValues], float], what: str) -> Correlation | None:
        held = [one for one in known(pairs, shift) if math.isfinite(told(one))]
        if len(held) < FEWEST:
            return None
        first = np.array([one.values[shift] for one in held])
        second = np.array([told(one) for one in held])
        rho = rank_correlation(first, second)
        if not math.isfinite(rho):
            return None
        grid = Grid.of([observe(one, 0.0) for one in held])
        interval = correlation_interval(
            first,
            second,
            Clusters(grid.prompt_clusters(), grid.columns),
            np.random.default_rng(stable_hash(statistics.seed, shift, what)),
            confidence=statistics.confidence,
        )
        return Correlation(rho, interval, len(held))

    return Links(
        with_loss=correlate(lambda one: one.loss, "loss"),
        with_flips=correlate(lambda one: float(one.flipped), "flips"),
    )


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells laid out by variant (row) and example (column)."""

    rows: Integers
    columns: Integers
    families: Integers
    """The instruction of each row."""
    shape: tuple[int, int]

    @classmethod
    def of(cls, cells: Sequence[Observation]) -> Grid:
        """The layout of cells; a variant and an example meet in one at most."""
        variants, rows = np.unique([one.variant for one in cells], return_inverse=True)
        examples, columns = np.unique([one.example for one in cells], return_inverse=True)
        instruction = {one.variant: one.instruction for one in cells}
        _, families = np.unique([instruction[str(one)] for one in variants], return_inverse=True)
        return cls(rows, columns, families, (len(variants), len(examples)))

    @property
    def present(self) -> Booleans:
        """Which cells are there."""
        held = np.zeros(self.shape, dtype=bool)
        held[self.rows, self.columns] = True
        return held

    def influence(self, values: Sequence[float]) -> Influence:
        """The influence of the mean over variants of their means."""
        grid: Floats = np.zeros(self.shape)
        grid[self.rows, self.columns] = values
        return influence_of_mean(grid, prompt_weights(self.present))

    def prompt_clusters(self) -> Integers:
        """What prompts are drawn by, per cell: instructions, or variants where those are few."""
        few = int(self.families.max()) + 1 < FEWEST
        return self.rows if few else self.families[self.rows]
