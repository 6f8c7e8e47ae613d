"""Brings the index up to date with the runs on disk, and answers from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.atomic import reason
from harness.core.errors import UsageError
from harness.core.sqlite import delete_database
from harness.history.entry import RunEntry
from harness.history.find import absolute_folders, find_runs
from harness.history.folders import remember_folders, remembered_folders
from harness.history.index import Index, ScoresByRun, history_dir
from harness.history.stamp import stamp

FILE: Final = "history.sqlite"
_SHOWN: Final = 3
"""Folders that a note names."""


@dataclass(frozen=True, slots=True)
class History:
    """The runs below some folders, as they are on disk now."""

    folders: tuple[Path, ...]
    entries: tuple[RunEntry, ...]
    """The oldest first; those without a date before them, by path."""
    scores: ScoresByRun
    """Of the finished runs that asked all of their grid."""
    notes: tuple[str, ...]
    """What a reader should know: an index made anew, folders that could not be read."""


def load_history(
    given: Sequence[Path] = (),
    *,
    on_read: Callable[[int, int], None] | None = None,
) -> History:
    """Find runs below folders and read what is new or has changed since.

    Args:
        given: folders, remembered for the next time; none for those that are remembered.
        on_read: told how many of the runs to read have been read.

    Returns:
        The history.

    Raises:
        UsageError: no folder is given or remembered, or one of them is not there.
    """
    folders = absolute_folders(given) if given else remembered_folders()
    if not folders:
        raise UsageError(
            "no folder of runs is named or remembered.", hint="Type: harness history runs"
        )
    if given:
        remember_folders(folders)
    notes: list[str] = []
    found = find_runs(folders)
    notes += _unread(found.unread)
    path = history_dir() / FILE
    try:
        entries, scores = _update(path, found.folders, folders, notes.append, on_read)
    except sqlite3.Error:
        # Damage that only reading found: an index is worth no second attempt at a repair.
        delete_database(path)
        notes.append(f"the index {path} was damaged; it was made anew.")
        entries, scores = _update(path, found.folders, folders, notes.append, on_read)
    return History(folders, entries, scores, tuple(notes))


def _update(
    path: Path,
    runs: Sequence[Path],
    folders: Sequence[Path],
    note: Callable[[str], None],
    on_read: Callable[[int, int], None] | None,
) -> tuple[tuple[RunEntry, ...], ScoresByRun]:
    with Index(path, note) as index:
        known = index.entries()
        stamps = dict(_stamps(runs))
        entries = [known[run][1] for run, now in stamps.items() if known.get(run, ("",))[0] == now]
        fresh = {entry.path for entry in entries}
        entries += _read(index, [run for run in stamps.items() if run[0] not in fresh], on_read)
        index.forget(_gone(known, stamps, folders))
        entries.sort(key=_by_date)
        finished = [entry.path for entry in entries if entry.state == "finished"]
        return tuple(entries), index.scores(finished)


def _read(
    index: Index, todo: Sequence[tuple[str, str]], on_read: Callable[[int, int], None] | None
) -> Iterator[RunEntry]:
    """Read runs, given with their stamps, into the index."""
    for done, (run, now) in enumerate(todo):
        from harness.history.read import read_run  # a fifth of an answer, and mostly not needed

        if on_read is not None:
            on_read(done, len(todo))
        read = read_run(Path(run))
        index.keep([(now, read)])
        yield read.entry


def _stamps(runs: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for run in runs:
        try:
            yield str(run), stamp(run)
        except OSError as error:
            yield str(run), f"unread: {reason(error)}"


def _gone(
    known: dict[str, tuple[str, RunEntry]], now: dict[str, str], folders: Sequence[Path]
) -> list[str]:
    """Known runs that stood below a folder that was searched, and do no more."""
    searched = [folder for folder in folders if folder.is_dir()]
    return [
        path
        for path in known
        if path not in now and any(Path(path).is_relative_to(folder) for folder in searched)
    ]


def _by_date(entry: RunEntry) -> tuple[float, str]:
    return entry.moment, entry.path


def _unread(unread: Sequence[str]) -> list[str]:
    if not unread:
        return []
    more = f" and {len(unread) - _SHOWN:,} more" if len(unread) > _SHOWN else ""
    return [f"not looked into: {'; '.join(unread[:_SHOWN])}{more}."]
