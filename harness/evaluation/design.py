"""The design: which variants are asked on which examples.

A run is a grid of variants × examples. What limits the accuracy of a level is how many examples and
instructions were drawn, not how often each example was asked, so most cells of a full grid buy
little. A balanced incomplete design asks a share of them, spread evenly: every variant on equally
many examples, every example under equally many variants of each level. Clean instructions are
asked on all examples, since every drop is measured against them.

The cells of one level are taken from cyclic Latin squares (`harness.evaluation.squares`), each with
the variants in another random order, so that any two variants meet on some examples. Where a level
asks fewer than two variants per example, it asks two on some examples and none on others: how often
two variants agree is known only where they meet. Designs are nested: a larger share, or more
examples, holds every cell of a smaller one; further instructions join in squares of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.core.records import CLEAN, Variant
from harness.evaluation.squares import joining
from harness.stats.arrays import Booleans


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
        joins = joining((self.seed, group, "design"), count, examples)
        asked: Booleans = joins < self.share * count
        return asked

    def _groups(self, variants: Sequence[Variant]) -> dict[tuple[str, ...], list[str]]:
        """The ids of the variants that share squares: of one level, and of one layer."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for one in variants:
            key = one.task, one.instruction_id
            layer = [str(n) for n, added in enumerate(self.layers, 1) if key in added]
            groups.setdefault((one.task, one.level, *layer), []).append(one.id)
        return groups


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
