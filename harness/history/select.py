"""Which runs of a history are asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias

from harness.core.errors import UnknownNameError, UsageError
from harness.history.entry import RunEntry

Metric: TypeAlias = Literal["accuracy", "drop"]
"""What is followed."""
_AGO: Final = re.compile(r"(\d{1,6})([dhw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; an empty part asks for everything."""

    models: tuple[str, ...] = ()
    """Names or patterns (`checkpoints/*`); the end of a path is enough."""
    tasks: tuple[str, ...] = ()
    """A run must have one of them."""
    levels: tuple[str, ...] = ()
    since: datetime | None = None


def select_runs(entries: Sequence[RunEntry], wanted: Selection) -> tuple[RunEntry, ...]:
    """The entries that a selection asks for, in the given order.

    A run of which neither model nor date is known, since it is broken, is shown only where they are
    not asked for.

    Raises:
        UnknownNameError: no run has a model, a task or a level of that name.
    """
    _check("model", wanted.models, {entry.model for entry in entries}, _matches)
    _check("task", wanted.tasks, {task for entry in entries for task in entry.tasks}, _equal)
    levels = {measure.level for entry in entries for measure in entry.measures}
    _check("level", wanted.levels, levels, _equal)
    return tuple(entry for entry in entries if _is_wanted(entry, wanted))


def parse_since(text: str, now: datetime) -> datetime:
    """A point in time: a date (2026-11-01), one with a time, or how long ago (30d, 2w, 12h).

    Raises:
        UsageError: it is none of them.

    Example:
        >>> parse_since("2w", datetime(2026, 11, 29, tzinfo=UTC)).date().isoformat()
        '2026-11-15'
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text!r} is no point in time.",
            hint="Type: --since 2026-11-01, or --since 30d (2w, 12h).",
        ) from None


def _is_wanted(entry: RunEntry, wanted: Selection) -> bool:
    return (
        (not wanted.models or any(_matches(entry.model, one) for one in wanted.models))
        and (not wanted.tasks or bool(set(wanted.tasks) & set(entry.tasks)))
        and (wanted.since is None or (entry.date is not None and entry.date >= wanted.since))
    )


def _check(
    kind: str, asked: Sequence[str], known: set[str], same: Callable[[str, str], bool]
) -> None:
    for name in asked:
        if not any(same(one, name) for one in known):
            raise UnknownNameError(f"{kind} of runs", name, known - {""})


def _equal(name: str, wanted: str) -> bool:
    return name == wanted


def _matches(model: str, wanted: str) -> bool:
    return fnmatchcase(model, wanted) or fnmatchcase(model, f"*/{wanted.strip('/')}")
