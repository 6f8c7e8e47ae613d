"""Writes a run into an experiment tracker: which one it is, and whether its package is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

from harness.core.errors import MissingPackageError, UnknownNameError, UsageError
from harness.logs.trackers.facts import TrackedRun, tracked_run
from harness.results.rundir import Run

_SECRET: Final = re.compile(r"//[^/@\s]+@")
"""A name and a key in an address."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tracker keeps the run."""

    project: str
    at: str | None
    """The tracker's URL or folder; None: what the tracker itself is set to."""


class Writer(Protocol):
    """What writes a run and its page into a tracker and says where it stands."""

    def __call__(self, run: TrackedRun, page: Path, place: Place) -> str:
        """The place, as a person or a program finds it."""
        ...


def _to_mlflow() -> Writer:
    from harness.logs.trackers.to_mlflow import write

    return write


def _to_tensorboard() -> Writer:
    from harness.logs.trackers.to_tensorboard import write

    return write


def _to_wandb() -> Writer:
    from harness.logs.trackers.to_wandb import write

    return write


TRACKERS: Final[dict[str, Callable[[], Writer]]] = {
    "mlflow": _to_mlflow,
    "tensorboard": _to_tensorboard,
    "wandb": _to_wandb,
}
"""Name -> what loads its writer; the package of the tracker and our extra are called the same."""


def require_tracker(tracker: str) -> None:
    """Check that a tracker is known and its package installed.

    Raises:
        UnknownNameError: no such tracker.
        MissingPackageError: the tracker's package is not installed.
    """
    if tracker not in TRACKERS:
        raise UnknownNameError("tracker", tracker, TRACKERS)
    if find_spec(tracker) is None:
        raise MissingPackageError(
            tracker,
            needed_for=f"--to {tracker}",
            install=f'pip install "robustness-harness[{tracker}]"',
        )


def log_run(run: Run, tracker: str, *, page: Path, place: Place) -> str:
    """Write a run's metrics, tables and page into a tracker.

    Args:
        run: a finished run.
        tracker: one of `TRACKERS`.
        page: its report, an HTML file.
        place: where the tracker keeps it.

    Returns:
        Where it stands there.

    Raises:
        UnknownNameError: no such tracker.
        MissingPackageError: the tracker's package is not installed.
        UsageError: the tracker cannot be reached, or refuses.
    """
    require_tracker(tracker)
    tracked = tracked_run(run)
    try:
        return TRACKERS[tracker]()(tracked, page, place)
    except Exception as error:  # trackers share no kind of error: a server, a disk, a login
        raise UsageError(
            f"{tracker} did not take the run: {_first_line(error)}",
            hint="Its address is --at, its key what the tracker itself reads from the environment.",
        ) from error


def _first_line(error: Exception) -> str:
    """What an error begins with, without a key that an address may hold."""
    lines = str(error).strip().splitlines()
    shown = lines[0] if lines else type(error).__name__
    return f"{_SECRET.sub('//…@', shown).rstrip('.')}."
