"""What an answer of a task is, as its run's manifest has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

OWN_SCORERS: Final[Mapping[str, tuple[str, ...]]] = {
    "choices": ("loglik", "generate"),
    "answer": ("generate",),
}
"""Kind -> the scorers that can read its answers, where that is not all of them."""


def own_scorers(tasks: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Task -> by which scorers it is read where another one's numbers are asked for.

    One run may hold labels, which calibrated likelihoods read, beside free text, which they cannot.

    Args:
        tasks: the part `tasks` of run.json.

    Example:
        >>> own_scorers({"qa": {"kind": "answer"}, "mood": {"kind": "labels"}})
        {'qa': ('generate',)}
    """
    kinds = {
        name: str(task.get("kind")) if isinstance(task, Mapping) else ""
        for name, task in tasks.items()
    }
    return {name: OWN_SCORERS[kind] for name, kind in kinds.items() if kind in OWN_SCORERS}


def open_tasks(tasks: Mapping[str, Any]) -> frozenset[str]:
    """The tasks whose answers are free text."""
    return frozenset(
        name
        for name, task in tasks.items()
        if isinstance(task, Mapping) and task.get("kind") == "answer"
    )
