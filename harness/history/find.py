"""Finds run directories below folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.atomic import reason
from harness.core.errors import UsageError, nearest_hint

MANIFEST: Final = "run.json"


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """What a search below folders came upon."""

    folders: tuple[Path, ...]
    """Directories that hold a run.json, each once, in the order of their paths."""
    unread: tuple[str, ...]
    """Folders that could not be looked into, each with the reason."""


def find_runs(folders: Sequence[Path]) -> FoundRuns:
    """Look for run directories in folders and everything below them.

    Links are not followed, hidden folders and the inside of runs not looked into. A folder that is
    a run itself is found too.

    Args:
        folders: absolute paths; one that is not there is said to be unread.
    """
    unread: list[str] = []
    runs = {run for folder in folders for run in _walk(folder, unread)}
    return FoundRuns(tuple(sorted(runs)), tuple(unread))


def absolute_folders(given: Sequence[Path]) -> tuple[Path, ...]:
    """What was typed as absolute paths without links, each once.

    Raises:
        UsageError: one of them is no folder; the message offers the nearest one.
    """
    for path in given:
        if not path.is_dir():
            beside = path.absolute().parent
            names = (
                [one.name for one in beside.iterdir() if one.is_dir()] if beside.is_dir() else []
            )
            what = "is no folder" if path.exists() else "is not there"
            raise UsageError(
                f"{path} {what}.{nearest_hint(path.name, names)}",
                hint="Name a folder that has run directories below it.",
            )
    return tuple(dict.fromkeys(path.resolve() for path in given))


def _walk(folder: Path, unread: list[str]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        unread.append(f"{error.filename}: {reason(error)}")

    for place, below, files in os.walk(folder, onerror=complain):
        if MANIFEST in files:
            below.clear()
            if _is_text(place):
                yield Path(place)
            else:
                unread.append(f"{place!r}: its name is not UTF-8")
        else:
            below[:] = [name for name in below if not name.startswith(".")]


def _is_text(name: str) -> bool:
    """Whether a name can be stored; bytes that are no text come from the system as surrogates."""
    return all(not "\ud800" <= character <= "\udfff" for character in name)
