"""Each perturbed variant beside the clean prompt that it came from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness.core.records import CLEAN, in_level_order
from harness.metrics.accuracy import prompt_accuracies
from harness.metrics.grid import Grid, Group
from harness.stats.ensemble import Ensemble
from harness.stats.estimate import Interval
from harness.stats.paired import example_sign_test
from harness.stats.twoway import estimate, influence_of_mean
from harness.stats.variant_means import estimate_variant_means


class Drop(Protocol):
    """A drop with its interval."""

    @property
    def value(self) -> float:
        """Clean accuracy less the variant's."""

    def interval(self, confidence: float) -> Interval | None:
        """Of this very pair of prompts: only the examples are a sample."""

    def p_value(self) -> float:
        """That nothing is lost, read off the intervals; NaN where there are none."""


@dataclass(frozen=True, slots=True)
class VariantDrop:
    """One variant's loss against its clean prompt."""

    variant: str
    task: str
    level: str
    perturbation: str
    instruction: str
    accuracy: float
    clean_accuracy: float
    drop: Drop
    examples: int
    """That both were asked on."""
    p: float
    """That it loses nothing: the larger of the exact sign test's over those examples, with holes or
    without, and of what the drop's own intervals say."""


@dataclass(frozen=True, slots=True)
class ShrunkenDrop:
    """One drop of a level's that is known from a part of the examples.

    The largest of many noisy drops is too large; drawn towards the others it is not.
    """

    ensemble: Ensemble
    place: int

    @property
    def value(self) -> float:
        """The best guess of the drop on all examples."""
        return float(self.ensemble.shrunken[self.place])

    def interval(self, confidence: float) -> Interval | None:
        """Where the drop lies; it holds the best guess."""
        low, high = self.ensemble.member_interval(self.place, confidence)
        return min(low, self.value), max(high, self.value)

    def p_value(self) -> float:
        """The smallest 1 - confidence whose interval holds 0."""
        if self.value == 0:
            return 1.0
        below = self.ensemble.member_share_below(self.place, 0.0)
        return min(1.0, 2 * (below if self.value > 0 else 1 - below))


def variant_drops(grid: Grid) -> list[VariantDrop]:
    """Every perturbed variant's drop against its clean prompt.

    On a full grid that is the difference of their means over the examples that both have. Where a
    level has holes, it is the best guess of that difference over all examples.
    """
    drops: list[VariantDrop] = []
    for level in in_level_order(grid.levels):
        group = None if level == CLEAN else grid.group(grid.rows(level=level))
        if group is not None and group.matched.any():
            drops += _shrunken_drops(grid, group) if group.has_holes else _own_drops(grid, group)
    return drops


def _own_drops(grid: Grid, group: Group) -> Iterator[VariantDrop]:
    for place, both in enumerate(group.matched):
        if both.any():
            yield _own_drop(grid, group, place)


def _own_drop(grid: Grid, group: Group, place: int) -> VariantDrop:
    both = group.matched[place]
    score, before = group.score[place, both], group.clean_score[place, both]
    change = (before - score)[None, :]
    influence = influence_of_mean(change, np.full(change.shape, 1 / change.size))
    drop = estimate(influence, np.zeros(1, dtype=np.int64), kind="difference")
    return _named(grid, group, place, float(score.mean()), float(before.mean()), drop)


def _shrunken_drops(grid: Grid, group: Group) -> Iterator[VariantDrop]:
    places = np.flatnonzero(group.matched.any(axis=1))
    matched = group.matched[places]
    columns = matched.any(axis=0)
    lost = (group.clean_score - group.score)[places][:, columns]
    ensemble = Ensemble(estimate_variant_means(lost, matched[:, columns]), lowest=-1.0)
    there = group.matched if group.clean_present is None else group.clean_present
    clean = prompt_accuracies(group.clean_score, there)
    for order, place in enumerate(places):
        drop, before = ShrunkenDrop(ensemble, order), float(clean[place])
        after = min(max(before - drop.value, 0.0), 1.0)
        yield _named(grid, group, int(place), after, before, drop)


def _named(
    grid: Grid, group: Group, place: int, accuracy: float, clean: float, drop: Drop
) -> VariantDrop:
    row, both = int(group.rows[place]), group.matched[place]
    gained = group.score[place, both] - group.clean_score[place, both]
    return VariantDrop(
        variant=grid.variants[row],
        task=grid.task,
        level=grid.levels[row],
        perturbation=grid.perturbations[row],
        instruction=grid.instructions[row],
        accuracy=accuracy,
        clean_accuracy=clean,
        drop=drop,
        examples=int(both.sum()),
        p=_larger(example_sign_test(gained).p, drop.p_value()),
    )


def _larger(of_signs: float, of_interval: float) -> float:
    """Graded scores may agree in sign and not in sum: what is significant has to be both."""
    return of_signs if math.isnan(of_interval) else max(of_signs, of_interval)
