"""Fingerprints: what a model is by its content, wherever it lies.

Two directories with the same weights, configuration, tokenizer, chat template and adapter have the
same fingerprint, so that cached responses are shared between them and never taken from another
model. Hashes of files are remembered in the user cache by path, size, time of change and inode:
the second start of a large model doesn't read it again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from harness.core.cache import cache_dir
from harness.core.sqlite import Database

DIGEST_BYTES: Final = 16
CHUNK_BYTES: Final = 8 * 2**20
_THREADS: Final = 4

_WHOLE: Final = (
    "*.safetensors",
    "*.py",
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
"""Files hashed as they are."""
_SMALL: Final = (
    "config.json",
    "adapter_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
"""Files that are read anew each time: JSON counts by its content, not by its layout."""
_PROVENANCE: Final = frozenset({"_name_or_path", "transformers_version", "name_or_path"})
"""Keys of JSON files that say where something came from, not what it is."""


def fingerprint_model(directory: Path, *, adapter: Path | None = None) -> str:
    """32 hexadecimal digits that stand for a model's content.

    Args:
        directory: the checkpoint: `*.safetensors`, JSON files, tokenizer.
        adapter: a PEFT adapter directory that is applied to it.
    """
    parts = dict(_parts(directory, "model"))
    if adapter is not None:
        parts.update(_parts(adapter, "adapter"))
    listing = "\n".join(f"{name}\t{digest}" for name, digest in sorted(parts.items()))
    return hash_text(listing)


def hash_text(text: str) -> str:
    """32 hexadecimal digits of a text's UTF-8 bytes."""
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def hash_files(paths: Iterable[Path]) -> dict[Path, str]:
    """The content hash of each file; unchanged files are not read again."""
    keys = {path: _stat_key(path) for path in paths}
    with _Memory() as memory:
        known = {path: memory.get(key) for path, key in keys.items()}
        missing = [path for path, digest in known.items() if digest is None]
        # hashlib releases the interpreter lock, so threads hash shards side by side.
        with ThreadPoolExecutor(_THREADS) as pool:
            fresh = dict(zip(missing, pool.map(_hash_file, missing), strict=True))
        memory.put({keys[path]: digest for path, digest in fresh.items()})
    return {path: fresh.get(path) or known[path] or "" for path in keys}


def _parts(directory: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """(name, hash) of all that shapes a checkpoint's answers."""
    whole = sorted(path for pattern in _WHOLE for path in directory.glob(pattern))
    for path, digest in hash_files(whole).items():
        yield f"{prefix}/{path.name}", digest
    for name in _SMALL:
        path = directory / name
        if path.is_file():
            yield f"{prefix}/{name}", hash_text(_canonical(path))


def _canonical(path: Path) -> str:
    """The file's text; of a JSON object, in one order and without where it came from."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if path.suffix != ".json":
        return text
    try:
        content = json.loads(text)
    except ValueError:
        return text
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key not in _PROVENANCE}
    return json.dumps(content, sort_keys=True)


def _hash_file(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


_StatKey = tuple[str, int, int, int]


def _stat_key(path: Path) -> _StatKey:
    stat = path.stat()
    return str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino


class _Memory(Database):
    """Hashes of files seen before, in the user cache; without a writable cache it knows nothing."""

    def __init__(self) -> None:
        super().__init__(self._open())

    @classmethod
    def _open(cls) -> sqlite3.Connection:
        path = cache_dir() / "fingerprints.sqlite"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls._prepare(sqlite3.connect(path, timeout=10))
        except (OSError, sqlite3.Error):
            return cls._prepare(sqlite3.connect(":memory:"))

    @staticmethod
    def _prepare(db: sqlite3.Connection) -> sqlite3.Connection:
        with db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS files (path TEXT, size INTEGER, mtime_ns INTEGER, "
                "inode INTEGER, digest TEXT, PRIMARY KEY (path)) WITHOUT ROWID"
            )
        return db

    def get(self, key: _StatKey) -> str | None:
        row = self._db.execute(
            "SELECT digest FROM files WHERE path = ? AND size = ? AND mtime_ns = ? AND inode = ?",
            key,
        ).fetchone()
        return None if row is None else str(row[0])

    def put(self, digests: Mapping[_StatKey, str]) -> None:
        rows = [(*key, digest) for key, digest in digests.items()]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)
        except sqlite3.Error:
            self._db.rollback()
