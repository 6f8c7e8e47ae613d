"""Groups of pairs: several instructions of one row that meet in a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Protocol, TypeVar

from harness.core.errors import UsageError

T = TypeVar("T")
Group = tuple[int, ...]
"""Indices of pairs about one row: each has two of its instructions."""


class OfRow(Protocol):
    """What decides which pairs make a group."""

    @property
    def request_id(self) -> str:
        """Equal for pairs that want the same answer of the same input."""
        ...

    @property
    def instance_id(self) -> str:
        """Equal for pairs about the same input and target."""
        ...


def make_groups(pairs: Sequence[OfRow], size: int, rng: Random) -> list[Group]:
    """Every pair in a group of `size` pairs of its row; the last of a row is filled up with others.

    Example:
        >>> from trainers.pairs import Pair
        >>> pairs = [Pair("a", "b", "yes", instance_id="x"), Pair("c", "d", "yes", instance_id="x")]
        >>> sorted(make_groups(pairs, 2, Random(0))[0])
        [0, 1]
    """
    if size == 1:
        return [(index,) for index in range(len(pairs))]
    groups: list[Group] = []
    for row in _rows(pairs):
        order = rng.sample(row, len(row))
        missing = -len(order) % size
        order += order[:missing]
        groups += [tuple(order[start : start + size]) for start in range(0, len(order), size)]
    return groups


def check_groups(pairs: Sequence[OfRow], *, instructions: int, batch: int) -> None:
    """Validate that rows have as many instructions, and that a batch holds whole groups.

    Args:
        pairs: what is trained on.
        instructions: of a row, in a batch.
        batch: pairs per step on each device.

    Raises:
        UsageError: one of them does not hold; the message counts.
    """
    size = instructions // 2
    if batch % size:
        raise UsageError(
            f"a batch of {batch} pairs on each device cannot be parted into rows of "
            f"{instructions} instructions, which are {size} pairs.",
            hint=f"Type: --batch with a multiple of {size} for each device.",
        )
    rows = _rows(pairs)
    small = [row for row in rows if len(row) < size]
    if small:
        fewest = min(map(len, small))
        raise UsageError(
            f"--instructions {instructions} needs {size} pairs of each row, and {len(small):,} of "
            f"{len(rows):,} rows have fewer (the smallest has {fewest}).",
            hint=f"Type: --instructions {2 * fewest}, or build the pairs with --per-row {size}.",
        )


def ungroup(groups: Iterable[Sequence[T]]) -> list[T]:
    """The members of groups, one group after the other."""
    return [member for group in groups for member in group]


def _rows(pairs: Sequence[OfRow]) -> list[list[int]]:
    rows: dict[tuple[str, str], list[int]] = {}
    for index, pair in enumerate(pairs):
        rows.setdefault((pair.request_id, pair.instance_id), []).append(index)
    return list(rows.values())
