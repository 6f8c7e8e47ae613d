"""What most of a population keeps, whatever its distribution: Wilks' tolerance limits.

The r-th lowest of K draws lies below the quantile q of their population unless fewer than r of them
fall below that quantile, which happens with the binomial probability P(X < r), X ~ Bin(K, q). So
with confidence 1 - P(X < r) at least a share 1 - q of the population lies above the r-th lowest
draw (Wilks 1941, Annals of Mathematical Statistics 12(1)). Draws that are taken evenly from several
strata, such as so many variants of each instruction, make it safer: their X varies less (Hoeffding
1956, Annals of Mathematical Statistics 27(3)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CONTENT: Final = 0.9
"""The share of the population that is spoken of, where there are enough draws."""
_LEAST: Final = 0.5
"""A smaller share than half is not worth a statement."""


@dataclass(frozen=True, slots=True)
class Order:
    """At least the share `content` of the population lies above the `rank`-th lowest draw."""

    content: float
    rank: int


def order_for(draws: int, confidence: float) -> Order | None:
    """Which of so many draws bounds most of their population; None with too few for half of it.

    Example:
        >>> order_for(29, 0.95)
        Order(content=0.9, rank=1)
    """
    from scipy.special import bdtr

    rank = 0
    while rank < draws and bdtr(rank, draws, 1 - CONTENT) <= 1 - confidence:
        rank += 1
    if rank:
        return Order(CONTENT, rank)
    content = (1 - confidence) ** (1 / draws)
    return Order(content, 1) if content >= _LEAST else None
