"""The response cache: what a model answered once is never computed again.

One SQLite file a model fingerprint, in the user cache. The key of a response is a hash of the
prompt's tokens (or text), the labels' and the scorer's settings, so that equal prompts of two
variants, tasks or runs share it, and another model's can never be taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.atomic import reason
from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.core.sqlite import Database, make_private, open_to_read

_LOOK_UP = 500  # SQLite allows at least 999 parameters a statement in every build
_PAGES_KB = 64 * 1024  # keys are random: an index whose pages do not stay in memory slows with size
_COLUMNS: Final = "key, scores, text, digest"
_Row = tuple[bytes, str | None, str | None, bytes]


def cache_dir() -> Path:
    """The user cache: HARNESS_CACHE_DIR, or the system's usual place."""
    given = os.environ.get("HARNESS_CACHE_DIR")
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("robustness-harness"))


def response_key(request: Request, settings: str) -> bytes:
    """16 bytes that stand for a request and the settings that shape its response."""
    digest = hashlib.blake2b(digest_size=16)
    _update(digest, settings, request.context)
    for label, tokens in request.continuations.items():
        _update(digest, label, tokens)
    for turn in request.turns:
        _update(digest, turn.role, ())
        _update(digest, turn.content, ())
    for label, text in request.answers.items():
        _update(digest, label, (len(request.turns),))
        _update(digest, text, ())
    return digest.digest()


def _update(digest: hashlib.blake2b, text: str, tokens: Sequence[int]) -> None:
    """Adds a text and its tokens, with their lengths: no two pairs are the same bytes."""
    encoded = text.encode("utf-8", "surrogatepass")
    digest.update(array("q", (len(encoded), len(tokens))).tobytes())
    digest.update(encoded)
    digest.update(array("q", tokens).tobytes())


class ResponseCache(Database):
    """Responses by key, on disk.

    Without a path it lives in a temporary file and serves one run: equal prompts are still
    computed once, and memory does not grow with their number. The same happens, and `on_trouble` is
    told why, where the file cannot be used: a cache is no reason to stop a run. Every row carries
    a digest of its content, so a damaged one is computed again and never served.

    Args:
        path: the file, made if it is not there and readable by its owner alone; None for none.
        on_trouble: told in a sentence why the file is not used.
    """

    def __init__(self, path: Path | None, on_trouble: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._on_trouble = on_trouble or (lambda _: None)
        if path is None:
            super().__init__(_open_temporary())
            return
        try:
            make_private(path)
            super().__init__(_open_database(path))
        except (OSError, sqlite3.Error) as error:
            super().__init__(_open_temporary())
            self._explain(error)
        except UnicodeDecodeError:  # of a damaged schema, which SQLite's message quotes
            super().__init__(_open_temporary())
            self._explain(sqlite3.DatabaseError("database disk image is malformed"))

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Response]:
        """The responses that are known, by key."""
        try:
            return dict(self._read(sorted(keys)))  # neighbours share a page
        except sqlite3.Error as error:
            self._give_up(error)
            return {}

    def put(self, responses: Mapping[bytes, Response]) -> None:
        """Keep responses."""
        rows = [_row(key, response) for key, response in sorted(responses.items())]
        try:
            self._insert(rows)
        except sqlite3.Error as error:
            self._give_up(error)
            # A disk that is full may be the temporary files', too.
            with suppress(sqlite3.Error):
                self._insert(rows)

    def _read(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Response]]:
        for start in range(0, len(keys), _LOOK_UP):
            part = keys[start : start + _LOOK_UP]
            query = f"SELECT {_COLUMNS} FROM responses WHERE key IN ({', '.join('?' * len(part))})"
            for key, scores, text, digest in self._db.execute(query, part):
                if digest == _digest(key, scores, text):
                    parsed = None if scores is None else json.loads(scores)
                    yield key, Response(scores=parsed, text=text)

    def _insert(self, rows: Sequence[_Row]) -> None:
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?)", rows)

    def _give_up(self, error: sqlite3.Error) -> None:
        with suppress(sqlite3.Error):
            self._db.close()
        self._db = _open_temporary()
        self._explain(error)

    def _explain(self, error: OSError | sqlite3.Error) -> None:
        if self._path is not None:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self._on_trouble(
                f"the response cache {self._path} cannot be used ({why}); going on without it. "
                "If it is damaged, type: harness cache clear"
            )
            self._path = None  # said once


def _open_temporary() -> sqlite3.Connection:
    # An empty name is SQLite's own temporary database: on disk when large, gone at close.
    return _open_database("")


def _open_database(name: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(name, timeout=60)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA cache_size = -{_PAGES_KB}")
        db.execute(
            "CREATE TABLE IF NOT EXISTS responses "
            "(key BLOB PRIMARY KEY, scores TEXT, text TEXT, digest BLOB NOT NULL) WITHOUT ROWID"
        )
        db.execute(f"SELECT {_COLUMNS} FROM responses LIMIT 1").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db


def _row(key: bytes, response: Response) -> _Row:
    scores = None if response.scores is None else json.dumps(dict(response.scores))
    return key, scores, response.text, _digest(key, scores, response.text)


def _digest(key: bytes, scores: str | None, text: str | None) -> bytes:
    content = json.dumps([scores, text]).encode()
    return hashlib.blake2b(content, digest_size=8, key=key[:64]).digest()


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
        CacheEntry(path, "responses", _size([path]), _count(path))
        for path in _list(root / "responses")
        if path.name.endswith(".sqlite")
    ]
    models = [path for path in _list(root / "models") if path.is_dir()]
    return entries + [CacheEntry(path, "model", _size(path.rglob("*"))) for path in models]


def clear_responses() -> int:
    """Delete all cached responses, damaged or not; returns the bytes that were freed.

    Raises:
        UsageError: something in the cache cannot be deleted.
    """
    folder = cache_dir() / "responses"
    freed = 0
    try:
        for path in _list(folder):
            freed += _size([path])
            _delete(path)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be deleted: {reason(error)}.") from None
    return freed


def _list(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _count(path: Path) -> int | None:
    """How many responses a file holds; None where it is damaged."""
    if not path.is_file():
        return None
    try:
        with closing(open_to_read(path)) as db:
            total: int = db.execute("SELECT count(*) FROM responses").fetchone()[0]
            return total
    except sqlite3.Error:
        return None


def _size(paths: Iterable[Path]) -> int:
    return sum(path.lstat().st_size for path in paths if path.is_symlink() or path.is_file())
