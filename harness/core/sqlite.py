"""What the harness's SQLite files have in common."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self


class Database:
    """A connection that is closed where its block ends."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._db.close()


def open_journaled(path: Path, schema: str) -> sqlite3.Connection:
    """A file of results, made if it is not there.

    Its journal is a write-ahead log: a killed process loses the transaction in flight at most, and
    readers are never blocked.

    Raises:
        sqlite3.DatabaseError: the file is no database, or cannot be written.
    """
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(schema)
    return db
