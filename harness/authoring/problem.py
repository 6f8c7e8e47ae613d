"""One thing that is wrong with a task file, or may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.core.errors import UsageError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error keeps the task from being run; a warning is probably a mistake."""

    severity: Severity
    where: str
    """Which part of the file, or which rows."""
    message: str


def problem_of(error: UsageError, where: str, path: Path) -> Problem:
    """An error that a run would end with, as one of several problems of the file."""
    message = error.message.removeprefix(f"{path}: ")
    return Problem("error", where, f"{message} {error.hint}" if error.hint else message)
