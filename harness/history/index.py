"""The index: what the history has read of runs, in one SQLite file of the user's data folder.

It holds nothing that the runs do not: it may be deleted at any time, and a damaged one is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from harness.core.atomic import reason
from harness.core.sqlite import Database, delete_database, make_private, row_digest
from harness.history.entry import ExampleScores, ReadRun, RunEntry

if TYPE_CHECKING:
    Trouble = Callable[[str], None]

VERSION: Final = 2
"""Of the tables and of what a record holds; an index of another one is made anew."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
  path TEXT PRIMARY KEY, stamp TEXT NOT NULL, record TEXT NOT NULL, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
  path TEXT NOT NULL, task TEXT NOT NULL, level TEXT NOT NULL, cells BLOB NOT NULL,
  means BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (path, task, level)) WITHOUT ROWID;
"""
_DAMAGES: Final = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that holds something else; all other errors are the system's."""
_LOOK_UP: Final = 500  # SQLite allows at least 999 parameters a statement in every build
ScoresByRun = Mapping[str, Mapping[tuple[str, str], ExampleScores]]
"""Path of a run -> (task, level) -> its scores by example."""


def history_dir() -> Path:
    """Where the history is kept: HARNESS_HISTORY_DIR, or the system's usual place for data."""
    given = os.environ.get("HARNESS_HISTORY_DIR")
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_data_dir("robustness-harness"))


class Index(Database):
    """Entries of runs by path, each with the stamp of the directory that it was read from.

    A file that is damaged or of another release is made anew, and where none can be written the
    index lives in memory: either way `on_trouble` is told in a sentence, and the answer is the
    same, later.

    Args:
        path: the file, made if it is not there and readable by its owner alone.
        on_trouble: told why the file was not used.
    """

    def __init__(self, path: Path, on_trouble: Trouble) -> None:
        super().__init__(_open(path, on_trouble))

    def entries(self) -> dict[str, tuple[str, RunEntry]]:
        """Path -> stamp and entry, of the rows that are as they were written."""
        found = {}
        for path, stamp, record, digest in self._db.execute("SELECT * FROM runs"):
            if digest == row_digest(path, stamp, record):
                with suppress(ValidationError):
                    found[path] = stamp, _records().validate_json(record)
        return found

    def keep(self, runs: Iterable[tuple[str, ReadRun]]) -> None:
        """Keep runs with their stamps, in place of what was known of their directories."""
        for stamp, run in runs:
            path, record = run.entry.path, _records().dump_json(run.entry).decode()
            scores = [(path, s.task, s.level, s.cells, s.means) for s in run.scores]
            with self._db:
                self._db.execute("DELETE FROM scores WHERE path = ?", (path,))
                self._db.execute(
                    "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                    (path, stamp, record, row_digest(path, stamp, record)),
                )
                self._db.executemany(
                    "INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?)",
                    ((*row, row_digest(*row)) for row in scores),
                )

    def forget(self, paths: Iterable[str]) -> None:
        """Forget run directories that are gone."""
        gone = [(path,) for path in paths]
        with self._db:
            self._db.executemany("DELETE FROM runs WHERE path = ?", gone)
            self._db.executemany("DELETE FROM scores WHERE path = ?", gone)

    def scores(self, paths: Sequence[str]) -> ScoresByRun:
        """The scores by example of these runs.

        Raises:
            sqlite3.DatabaseError: a row is not as it was written.
        """
        found: dict[str, dict[tuple[str, str], ExampleScores]] = {}
        for start in range(0, len(paths), _LOOK_UP):
            part = paths[start : start + _LOOK_UP]
            query = f"SELECT * FROM scores WHERE path IN ({', '.join('?' * len(part))})"
            for path, *row, digest in self._db.execute(query, part):
                if digest != row_digest(path, *row):
                    raise sqlite3.DatabaseError("scores are not as they were written")
                scores = ExampleScores(*row)
                found.setdefault(path, {})[scores.task, scores.level] = scores
        return found


def _open(path: Path, on_trouble: Trouble) -> sqlite3.Connection:
    try:
        make_private(path)
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) not in _DAMAGES:
                raise
            delete_database(path)
            make_private(path)
            on_trouble(f"the index {path} was damaged or of another release; it was made anew.")
            return _connect(path)
    except (OSError, sqlite3.Error) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        on_trouble(f"the index {path} cannot be used ({why}); every run was read anew.")
        return _connect(":memory:")


def _connect(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and version != VERSION:
            raise sqlite3.DatabaseError(f"version {version}")
        db.executescript(f"{_SCHEMA} PRAGMA user_version = {VERSION};")
        damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        db.execute("SELECT path, stamp, record, digest FROM runs LIMIT 1")
        db.execute("SELECT path, task, level, cells, means, digest FROM scores LIMIT 1")
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
    except UnicodeDecodeError:  # of a damaged schema, which SQLite's message quotes
        db.close()
        raise sqlite3.DatabaseError("database disk image is malformed") from None
    except sqlite3.Error:
        db.close()
        raise
    return db


@cache
def _records() -> TypeAdapter[RunEntry]:
    return TypeAdapter(RunEntry)
