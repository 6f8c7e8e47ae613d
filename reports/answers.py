"""What is said of answers: how reliable their probabilities are, and which label they move to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.core.records import PERTURBED
from harness.results.summary import Summary

_DEPTHS: Final = (0.005, 0.05, 0.15)
"""Shares of a row from which a cell takes the next deeper colour."""
UNPARSED: Final = "(unparsed)"


@dataclass(frozen=True, slots=True)
class Move:
    """The cells with one clean answer and one perturbed answer."""

    count: int
    depth: int
    """How deep its colour is, 0 to 3; -1 where the answer stays."""


@dataclass(frozen=True, slots=True)
class Moves:
    """One task's answers over all perturbed levels, clean against perturbed."""

    task: str
    answers: tuple[str, ...]
    rows: tuple[tuple[Move, ...], ...]
    by_level: Mapping[str, Sequence[tuple[str, str, int]]]
    """Level -> clean answer, perturbed answer, cells: the most frequent moves first."""


def moves_of(summary: Summary) -> tuple[Moves, ...]:
    """The moves of each task that has any."""
    return tuple(
        _shape(name, (*task.labels, UNPARSED), task.moves)
        for name, task in summary.tasks.items()
        if task.moves
    )


def _shape(task: str, answers: Sequence[str], moves: Mapping[str, list[list[int]]]) -> Moves:
    total = moves[PERTURBED]
    used = [place for place in range(len(answers)) if _is_used(place, total, answers)]
    return Moves(
        task=task,
        answers=tuple(answers[place] for place in used),
        rows=tuple(_row(place, total[place], used) for place in used),
        by_level={
            level: _most_frequent(counts, answers)
            for level, counts in moves.items()
            if level != PERTURBED
        },
    )


def _is_used(place: int, counts: list[list[int]], answers: Sequence[str]) -> bool:
    """Whether an answer has a row: every label has, unparsed answers where there are any."""
    return answers[place] != UNPARSED or any(counts[place]) or any(row[place] for row in counts)


def _row(place: int, counts: list[int], used: Sequence[int]) -> tuple[Move, ...]:
    whole = sum(counts) or 1
    depths = [sum(counts[column] / whole >= edge for edge in _DEPTHS) for column in used]
    return tuple(
        Move(counts[column], -1 if column == place else depth)
        for column, depth in zip(used, depths, strict=True)
    )


def _most_frequent(
    counts: list[list[int]], answers: Sequence[str], limit: int = 3
) -> list[tuple[str, str, int]]:
    moved = [
        (answers[row], answers[column], count)
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
        if row != column and count
    ]
    return sorted(moved, key=lambda one: -one[2])[:limit]
