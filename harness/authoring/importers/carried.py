"""What became of another program's file: tasks, and everything that could not be carried over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

TaskContent: TypeAlias = dict[str, Any]
"""What a task file of ours is to hold."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A part of the file that the task does not have."""

    line: int
    """Of the file; 0 where it has no lines."""
    what: str
    """The key or value, as the file has it."""
    why: str


@dataclass(slots=True)
class Carried:
    """Tasks as they are made, and what is lost on the way."""

    format: str
    tasks: list[TaskContent] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    blocking: list[Lost] = field(default_factory=list)
    """What a task cannot do without: nothing is written where there is any."""

    def lose(self, line: int, what: str, why: str) -> None:
        """Note a part that is not carried over."""
        self.lost.append(Lost(line, what, why))

    def block(self, line: int, what: str, why: str) -> None:
        """Note a part without which there is no task."""
        self.blocking.append(Lost(line, what, why))


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A configuration of another program, with the lines of its keys."""

    path: Path
    content: Mapping[str, Any]
    lines: Mapping[str, int]

    def line(self, key: str) -> int:
        """The line of a key at the top of the file; 0 where it has none."""
        return self.lines.get(key, 0)
