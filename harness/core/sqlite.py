"""What the harness's SQLite files have in common."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Self

_JOURNAL: Final = "-wal"
_FILES: Final = ("", _JOURNAL, "-shm")


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
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(schema)
    except sqlite3.Error:
        db.close()
        raise
    except UnicodeDecodeError:  # of a damaged schema, which SQLite's message quotes
        db.close()
        raise sqlite3.DatabaseError("database disk image is malformed") from None
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """A file of results that another process wrote, perhaps onto a disk that is now read-only.

    Nothing is written beside it, and nothing in it. A file without a journal is whole and is opened
    as it is. One with a journal has a writer that is at work or was killed: every transaction that
    has ended is seen, through a copy where SQLite cannot share the journal with the writer.

    Raises:
        sqlite3.Error: the file is no database.
        OSError: it cannot be read.
    """
    if not path.with_name(path.name + _JOURNAL).exists():
        return _connect(path, "mode=ro&immutable=1")
    try:
        return _connect(path, "mode=ro")
    except sqlite3.OperationalError:
        return _read_copy(path)


def has_journal(path: Path) -> bool:
    """Whether changes stand beside a file that are not in it yet."""
    journal = path.with_name(path.name + _JOURNAL)
    return journal.is_file() and journal.stat().st_size > 0


def _connect(path: Path, options: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    except UnicodeDecodeError:
        db.close()
        raise sqlite3.DatabaseError("database disk image is malformed") from None
    return db


def _read_copy(path: Path) -> sqlite3.Connection:
    """The content of a file and its journal, in a temporary database of this connection."""
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        copy = Path(folder) / "copy.sqlite"
        for suffix in (_JOURNAL, ""):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        with closing(sqlite3.connect(copy)) as journaled:
            content = sqlite3.connect("")
            journaled.backup(content)
    return content


def row_digest(*values: str | bytes | float | None) -> bytes:
    """Eight bytes that stand for a row's values: where a disk changed one of them, they differ.

    SQLite's own checks see a file's structure, not a byte within a value.
    """
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def make_private(path: Path) -> None:
    """Make a file and its folder for their owner's eyes: what models are asked may be confidential.

    Raises:
        OSError: they cannot be made, or something else stands there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):
        path.parent.chmod(0o700)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))


def delete_database(path: Path) -> None:
    """Delete a file of results with its journal.

    The file goes first: SQLite ignores the journal of a file that is not there, and a file without
    its journal may be torn.
    """
    for suffix in _FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
