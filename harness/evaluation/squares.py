"""When each cell of a group of variants joins a balanced design that grows.

A Latin square of K variants and K examples orders the cells: every variant has every rank 0 … K - 1
exactly once, and so has every example. A design that asks c variants per example has the cells that
join before c. A cell of rank r joins between r and r + 1, where variants take turns.

Below two variants per example that would leave most examples with a single answer, and agreement
needs two. There an example's first two cells join together: at c = 1 half of the examples have two
variants and every variant still has one cell in each square.
"""

from __future__ import annotations

from math import gcd
from random import Random
from typing import Final

import numpy as np

from harness.core.records import stable_hash
from harness.stats.arrays import Floats, Integers

GOLDEN: Final = (5**0.5 - 1) / 2
"""Its multiples fill the unit interval evenly, wherever one stops (Kronecker's sequence)."""


def joining(key: tuple[object, ...], count: int, examples: int) -> Floats:
    """With how many variants per example each cell joins the design [K, N].

    Args:
        key: what decides the random order of the variants in every square.
        count: variants, K.
        examples: N.

    Example:
        >>> joining(("seed", "topic"), 4, 4).round(2).min(axis=0)
        array([0.75, 1.25, 0.25, 1.75])
    """
    late = np.zeros((2, count))
    squares = [_square(key, count, number, late) for number in range(-(-examples // count))]
    return np.concatenate(squares, axis=1)[:, :examples]


def _square(key: tuple[object, ...], count: int, number: int, late: Floats) -> Floats:
    """One square [K, K]; `late` is that of `_pair_up`."""
    order, random = list(range(count)), Random(stable_hash(*key, number))
    random.shuffle(order)
    # Neighbours change places by lot: tasks may draw their labels in turn, and every second example
    # would be of one label.
    shift = np.array(_swap_neighbours(count, random)) * _stride(count) % count
    rank = (np.array(order)[:, None] + shift) % count
    joins: Floats = rank + ((np.arange(count) / count + number * GOLDEN) % 1)[:, None]
    start = (0.5 + number * GOLDEN) % 1
    if count > 1:
        _pair_up(joins, rank, np.argsort((shift + order[0]) % count), start, late)
    return joins


def _pair_up(joins: Floats, rank: Integers, cycle: Integers, start: float, late: Floats) -> None:
    """Let the cells of rank 0 and 1 of an example join together, in `joins` [K, K].

    Every second example around the cycle holds each variant once, so these join before c = 1 and
    the others after it. Of an odd number of variants one is left over in both, and joins alone.

    Args:
        joins: when cells join.
        rank: of the cells.
        cycle: the examples in the order in which the same variants come round [K].
        start: where in the unit interval the first turn is.
        late: how late each variant joined in the squares before, before and after c = 1 [2, K].
    """
    count = len(cycle)
    first, second = (rank == 0).argmax(axis=0), (rank == 1).argmax(axis=0)
    halves = (cycle[0 : count - 1 : 2], cycle[1::2])
    alone = (second[cycle[-1]], first[cycle[-1]])
    for half, joining_now in enumerate(halves):
        pairs = np.stack([first[joining_now], second[joining_now]])
        waited = np.argsort(-late[half, pairs].sum(axis=0), kind="stable")
        examples, pairs = joining_now[waited], pairs[:, waited]
        turn = (np.arange(len(examples)) + start) / len(examples)
        joins[pairs, examples] = half + turn
        late[half, pairs] += turn
        if count % 2:
            joins[alone[half], cycle[-1]] = half + start
            late[half, alone[half]] += start


def _swap_neighbours(count: int, random: Random) -> list[int]:
    """0 … count - 1, in which each two neighbours have changed places or not."""
    order = list(range(count))
    for left in range(0, count - 1, 2):
        if random.random() < 0.5:
            order[left], order[left + 1] = order[left + 1], order[left]
    return order


def _stride(count: int) -> int:
    """A step through 0 … count - 1 that visits all and never two neighbours in turn."""
    step = max(round(count * GOLDEN), 1)
    while gcd(step, count) > 1:
        step += 1
    return step
