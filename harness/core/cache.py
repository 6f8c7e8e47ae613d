"""The response cache: what a model answered once is never computed again.

One SQLite file a model fingerprint, in the user cache. The key of a response is a hash of the
prompt's tokens, the labels' tokens and the scorer's settings, so that equal prompts of two
variants, tasks or runs share it, and another model's can never be taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.records import Request, Response
from harness.core.sqlite import Database

_LOOK_UP = 500  # SQLite allows at least 999 parameters a statement in every build
_PAGES_KB = 64 * 1024  # keys are random: an index whose pages do not stay in memory slows with size


def cache_dir() -> Path:
    """The user cache: HARNESS_CACHE_DIR, or the system's usual place."""
    given = os.environ.get("HARNESS_CACHE_DIR")
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("robustness-harness"))


def response_key(request: Request, settings: str) -> bytes:
    """16 bytes that stand for a request and the settings that shape its response."""
    digest = hashlib.blake2b(settings.encode(), digest_size=16)
    digest.update(array("q", request.context).tobytes())
    for label, tokens in request.continuations.items():
        digest.update(f"\x1e{label}\x1f".encode())
        digest.update(array("q", tokens).tobytes())
    return digest.digest()


class ResponseCache(Database):
    """Responses by key, on disk.

    Without a path it lives in a temporary file and serves one run: equal prompts are still
    computed once, and memory does not grow with their number.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        # An empty name is SQLite's own temporary database: on disk when large, gone at close.
        super().__init__(sqlite3.connect("" if path is None else path, timeout=60))
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_PAGES_KB}")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS responses "
            "(key BLOB PRIMARY KEY, scores TEXT, text TEXT) WITHOUT ROWID"
        )

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Response]:
        """The responses that are known, by key."""
        found: dict[bytes, Response] = {}
        ordered = sorted(keys)  # neighbours share a page
        for start in range(0, len(ordered), _LOOK_UP):
            part = ordered[start : start + _LOOK_UP]
            query = f"SELECT * FROM responses WHERE key IN ({', '.join('?' * len(part))})"
            for key, scores, text in self._db.execute(query, part):
                parsed = None if scores is None else json.loads(scores)
                found[key] = Response(scores=parsed, text=text)
        return found

    def put(self, responses: Mapping[bytes, Response]) -> None:
        """Keep responses. A cache that cannot be written is no reason to stop a run."""
        rows = (
            (key, None if r.scores is None else json.dumps(dict(r.scores)), r.text)
            for key, r in sorted(responses.items())
        )
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO responses VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError:
            self._db.rollback()


def response_cache_path(fingerprint: str) -> Path:
    """Where the responses of a model are kept."""
    return cache_dir() / "responses" / f"{fingerprint}.sqlite"


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file or folder of the user cache."""

    path: Path
    kind: str
    """`responses` or `model`."""
    bytes: int
    responses: int | None = None


def cache_entries() -> list[CacheEntry]:
    """What the user cache holds."""
    root = cache_dir()
    entries = [
        CacheEntry(path, "responses", path.stat().st_size, _count(path))
        for path in sorted((root / "responses").glob("*.sqlite"))
    ]
    models = [path for path in sorted((root / "models").glob("*")) if path.is_dir()]
    return entries + [CacheEntry(path, "model", _size(path.rglob("*"))) for path in models]


def clear_responses() -> int:
    """Delete all cached responses; gives the bytes that were freed."""
    freed = 0
    for path in (cache_dir() / "responses").glob("*.sqlite*"):
        freed += path.stat().st_size
        path.unlink()
    return freed


def _count(path: Path) -> int | None:
    try:
        with sqlite3.connect(path) as db:
            total: int = db.execute("SELECT count(*) FROM responses").fetchone()[0]
            return total
    except sqlite3.DatabaseError:
        return None


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
