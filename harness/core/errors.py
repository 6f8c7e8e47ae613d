"""Errors a user can cause, each with the exit code it ends in and the next thing to type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What `harness` returns to the shell."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    INTERNAL = 3
    INCOMPLETE = 4
    NOTHING_TO_EVALUATE = 5
    INTERRUPTED = 130


class HarnessError(Exception):
    """A failure that is shown as one line, without a traceback.

    `message` says what was given and what was expected; `hint` says what to type next.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(HarnessError):
    """An option, a file or a name that cannot be used (exit 2)."""


class UnknownNameError(UsageError):
    """A name that no registry holds; the message offers the nearest ones (exit 2)."""

    def __init__(
        self, kind: str, given: str, available: Iterable[str], *, hint: str | None = None
    ) -> None:
        names = sorted(available)
        super().__init__(f"unknown {kind} {given!r}{_suggestion(given, names)}", hint=hint)
        self.given = given
        self.available = names


class MissingPackageError(UsageError):
    """An optional package that is not installed; the hint is the line to type (exit 2)."""

    def __init__(self, package: str, *, needed_for: str, install: str) -> None:
        super().__init__(
            f"{needed_for} needs the package {package!r}, which is not installed.",
            hint=f"Type: {install}",
        )


class IncompleteRunError(HarnessError):
    """The run stopped part of the way and can be resumed by the same command (exit 4)."""

    exit_code = ExitCode.INCOMPLETE


class NothingToEvaluateError(HarnessError):
    """The options leave no cell to evaluate (exit 5)."""

    exit_code = ExitCode.NOTHING_TO_EVALUATE


def nearest_hint(given: str, names: Iterable[str]) -> str:
    """A sentence that offers the nearest names, with a leading space, or nothing."""
    near = difflib.get_close_matches(given, list(names), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""


def _suggestion(given: str, names: list[str]) -> str:
    if not names:
        return "; none is available."
    near = nearest_hint(given, names)
    if near:
        return f".{near}"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f". Available: {shown}."
