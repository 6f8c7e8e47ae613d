"""A table that a task file is drafted for, and what was found out by reading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.authoring.draft import DraftSource
from harness.tasks.rows import Row


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was guessed."""

    what: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and where they are from."""

    rows: Sequence[Row]
    source: DraftSource
    found: tuple[Found, ...]
    label_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column -> what its whole numbers from 0 stand for, where the data say so."""
