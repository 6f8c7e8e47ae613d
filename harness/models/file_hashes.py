"""Hashes of files by content; of large ones remembered, so that a model isn't read twice.

What is remembered is trusted only while nothing about the file has changed, the inode's own time
among it: that one can't be set back by who writes into a file and restores its other times.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from harness.core.atomic import reason
from harness.core.cache import cache_dir
from harness.core.errors import UsageError
from harness.core.sqlite import Database

DIGEST_BYTES: Final = 16
CHUNK_BYTES: Final = 8 * 2**20
ALWAYS_READ_BYTES: Final = 2**20
"""Files up to this size are hashed each time: that costs no more than to look them up."""
SETTLED_NS: Final = 2 * 10**9
"""A file that changed less than this before it was hashed may change again within one tick of the
file system's clock, unseen; its hash is not remembered."""
_THREADS: Final = 4


def hash_text(text: str) -> str:
    """32 hexadecimal digits of a text's UTF-8 bytes."""
    return hash_bytes(text.encode("utf-8", "surrogatepass"))


def hash_bytes(content: bytes) -> str:
    """32 hexadecimal digits of the bytes."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def hash_files(paths: Iterable[Path]) -> dict[Path, str]:
    """The content hash of each file; large ones that are unchanged are not read again.

    Raises:
        UsageError: a file can't be read.
    """
    try:
        stamps = {path: _Stamp.of(path) for path in paths}
        small = [path for path, stamp in stamps.items() if stamp.size <= ALWAYS_READ_BYTES]
        digests = {path: _hash_file(path) for path in small}
        large = {path: stamp for path, stamp in stamps.items() if path not in digests}
        return digests | (_hash_large(large) if large else {})
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {reason(error)}.") from error


def _hash_large(stamps: Mapping[Path, _Stamp]) -> dict[Path, str]:
    now = time.time_ns()
    with _Memory() as memory:
        known = {path: memory.get(stamp) for path, stamp in stamps.items()}
        missing = [path for path, digest in known.items() if digest is None]
        # hashlib releases the interpreter lock, so threads hash shards side by side.
        with ThreadPoolExecutor(_THREADS) as pool:
            fresh = dict(zip(missing, pool.map(_hash_file, missing), strict=True))
        settled = {p: d for p, d in fresh.items() if stamps[p].ctime_ns < now - SETTLED_NS}
        memory.put({stamps[path]: digest for path, digest in settled.items()})
    return {path: fresh.get(path) or known[path] or "" for path in stamps}


def _hash_file(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What tells a file from a changed one without reading it."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, path: Path) -> _Stamp:
        """The stamp of the file that is there now."""
        stat = path.stat()
        times = (stat.st_mtime_ns, stat.st_ctime_ns)
        return cls(str(path.resolve()), stat.st_size, *times, stat.st_ino, stat.st_dev)


class _Memory(Database):
    """Hashes of files seen before, in the user cache; without a usable cache it knows nothing."""

    def __init__(self) -> None:
        super().__init__(self._open())

    @classmethod
    def _open(cls) -> sqlite3.Connection:
        path = cache_dir() / "fingerprints.sqlite"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls._prepare(sqlite3.connect(path, timeout=10))
        except (OSError, sqlite3.Error):
            return cls._prepare(sqlite3.connect(":memory:"))

    @staticmethod
    def _prepare(db: sqlite3.Connection) -> sqlite3.Connection:
        with db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INTEGER, "
                "mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, device INTEGER, digest TEXT) "
                "WITHOUT ROWID"
            )
        return db

    def get(self, stamp: _Stamp) -> str | None:
        """The hash of a file with this stamp, if it is known."""
        try:
            row = self._db.execute(
                "SELECT digest FROM hashes WHERE path = ? AND size = ? AND mtime_ns = ? AND "
                "ctime_ns = ? AND inode = ? AND device = ?",
                astuple(stamp),
            ).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None else str(row[0])

    def put(self, digests: Mapping[_Stamp, str]) -> None:
        """Remember hashes, where that is possible."""
        rows = [(*astuple(stamp), digest) for stamp, digest in digests.items()]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO hashes VALUES (?,?,?,?,?,?,?)", rows)
        except (sqlite3.Error, OverflowError):
            self._db.rollback()
