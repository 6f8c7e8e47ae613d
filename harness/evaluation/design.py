"""The design: which variants are asked on which examples.

A run is a grid of variants × examples. What limits the accuracy of a level is how many examples and
instructions were drawn, not how often each example was asked, so most cells of a full grid buy
little. A balanced incomplete design asks a share of them, spread evenly: every variant on equally
many examples, every example under equally many variants of each level. Clean instructions are
asked on all examples, since every drop is measured against them.

The cells of one level are taken from cyclic Latin squares. K variants and K examples make a square
in which every variant has every rank 0 … K - 1 exactly once, and so has every example; the next K
examples get a square with the variants in another random order, so that any two variants meet on
some examples. A share s takes the cells whose rank is below s K. Hence designs are nested: a larger
share, or more examples, holds every cell of a smaller one; further instructions join in squares of
their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from random import Random
from typing import Final

import numpy as np

from harness.core.records import CLEAN, Variant, stable_hash
from harness.stats.arrays import Booleans, Integers

GOLDEN: Final = (5**0.5 - 1) / 2
"""Its multiples fill the unit interval evenly, wherever one stops (Kronecker's sequence)."""


@dataclass(frozen=True, slots=True)
class Design:
    """How large a share of the perturbed cells is asked; 1 is the full grid.

    Example:
        >>> Design(share=0.5, seed=0).cells("topic", ["a", "b", "c", "d"], 4).sum(axis=1)
        array([2, 2, 2, 2])
    """

    share: float = 1.0
    """In (0, 1]."""
    seed: int = 0
    layers: tuple[frozenset[tuple[str, str]], ...] = ()
    """(task, instruction) of those that joined a run later, set by set. Each set has squares of its
    own, so that no cell which was asked before falls out of the design."""

    @property
    def is_full(self) -> bool:
        """Whether every variant is asked on every example."""
        return self.share >= 1

    def asked(self, variants: Sequence[Variant], examples: int) -> Mapping[str, Booleans]:
        """Which examples each variant of a task is asked on.

        Args:
            variants: all variants of one task.
            examples: how many examples the task has, N.

        Returns:
            variant id -> [N], in the order in which the task draws its examples.
        """
        found: dict[str, Booleans] = {}
        for (task, level, *layer), ids in self._groups(variants).items():
            if level == CLEAN or self.is_full:
                cells = np.ones((len(ids), examples), dtype=np.bool_)
            else:
                cells = self.cells("\x1f".join((task, level, *layer)), ids, examples)
            found |= dict(zip(ids, cells, strict=True))
        return found

    def cells(self, group: str, variants: Sequence[str], examples: int) -> Booleans:
        """The cells of one group of variants that are asked [K, N]."""
        count = len(variants)
        place = np.arange(examples)
        order = np.concatenate(list(self._orders(group, count, examples)), axis=1)[:, :examples]
        rank = (order + place % count * _stride(count)) % count  # [K, N]
        # Where s K is no whole number, variants and examples take turns in having one cell more.
        turn = (np.arange(count)[:, None] / count + place // count * GOLDEN) % 1  # [K, N]
        asked: Booleans = rank + turn < self.share * count
        return asked

    def _groups(self, variants: Sequence[Variant]) -> dict[tuple[str, ...], list[str]]:
        """The ids of the variants that share squares: of one level, and of one layer."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for one in variants:
            key = one.task, one.instruction_id
            layer = [str(n) for n, added in enumerate(self.layers, 1) if key in added]
            groups.setdefault((one.task, one.level, *layer), []).append(one.id)
        return groups

    def _orders(self, group: str, count: int, examples: int) -> Iterator[Integers]:
        """The variants' order in each square, as columns [K, K], until all examples have one."""
        for square in range(-(-examples // count)):
            order = list(range(count))
            Random(stable_hash(self.seed, group, "design", square)).shuffle(order)
            yield np.repeat(np.array(order)[:, None], count, axis=1)


FULL: Final = Design()
"""Every variant on every example."""


def share_of(budget: int, *, clean: int, perturbed: int) -> float:
    """The share of the perturbed cells that a budget pays for, after the clean ones.

    Args:
        budget: how many cells may be asked in all.
        clean: cells of clean instructions, which are all asked.
        perturbed: cells of the full grid's variants.

    Returns:
        A number in [0, 1]; 0 where the clean cells alone use up the budget.
    """
    if perturbed == 0:
        return 1.0
    return min(max((budget - clean) / perturbed, 0.0), 1.0)


def _stride(count: int) -> int:
    """A step through 0 … count - 1 that visits all and never two neighbours in turn."""
    step = max(round(count * GOLDEN), 1)
    while gcd(step, count) > 1:
        step += 1
    return step
