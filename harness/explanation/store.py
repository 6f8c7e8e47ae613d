"""Attributions on disk: one SQLite row per explained cell, written a batch at a time, resumable."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from harness.core.errors import IncompleteRunError, UsageError
from harness.core.sqlite import Database, open_journaled, open_to_read, row_digest
from harness.explanation.words import PromptPart

ATTRIBUTIONS: Final = "attributions.sqlite"
"""The file in a run's directory."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS attributions (
    model TEXT NOT NULL, answers TEXT NOT NULL, variant_id TEXT NOT NULL, example_id TEXT NOT NULL,
    said TEXT NOT NULL, tokens INTEGER NOT NULL, logp REAL NOT NULL, words TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (model, answers, variant_id, example_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checks (
    model TEXT NOT NULL, answers TEXT NOT NULL, variant_id TEXT NOT NULL, example_id TEXT NOT NULL,
    content TEXT NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (model, answers, variant_id, example_id)
) WITHOUT ROWID;
"""
_DAMAGED: Final = "Delete it, and repeat the same command."

Key = tuple[str, str]
"""(variant id, example id)."""


@dataclass(frozen=True, slots=True)
class ExplainedWord:
    """A word of a prompt and how much of the answer hangs on it."""

    text: str
    part: PromptPart
    offset: int
    """Where it begins in its part; -1 in layout."""
    copy: int
    """Which of a part's places it stands in."""
    density: float
    """Importance density, from 0 to 1; 0 in layout and of special tokens."""
    share: float
    """Its share of the positive importance of all words, layout and special tokens too."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """One explained cell."""

    variant_id: str
    example_id: str
    said: str
    """The answer that is explained."""
    tokens: int
    """Of that answer."""
    logp: float
    """Its log-probability in nats."""
    words: tuple[ExplainedWord, ...]

    @property
    def key(self) -> Key:
        """The cell."""
        return self.variant_id, self.example_id


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose attributions are meant."""

    model: str
    """The model's fingerprint."""
    answers: str
    """`own` or `gold`."""


_WORDS: Final = TypeAdapter(tuple[ExplainedWord, ...])


class AttributionStore(Database):
    """Writes and resumes the attributions of one run; a killed process loses a batch at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            super().__init__(open_journaled(path, _SCHEMA))
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path} is damaged: {error}.", hint=_DAMAGED) from None

    def write(self, scope: Scope, attributions: Iterable[Attribution]) -> None:
        """Keep attributions, in one transaction: all of them or none.

        Raises:
            IncompleteRunError: the disk is full or the file cannot be written.
        """
        rows = (
            (
                *(scope.model, scope.answers, one.variant_id, one.example_id),
                *(one.said, one.tokens, float(one.logp), _words_to_json(one.words)),
            )
            for one in attributions
        )
        self._insert("attributions", 9, rows)

    def write_checks(self, scope: Scope, checks: Mapping[Key, Mapping[str, object]]) -> None:
        """Keep what was found when cells were checked.

        Raises:
            IncompleteRunError: the disk is full or the file cannot be written.
        """
        rows = ((scope.model, scope.answers, *key, json.dumps(one)) for key, one in checks.items())
        self._insert("checks", 6, rows)

    def _insert(self, table: str, columns: int, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * columns)
        try:
            with self._db:
                self._db.executemany(
                    f"INSERT OR REPLACE INTO {table} VALUES ({marks})",
                    ((*row, row_digest(*row)) for row in rows),
                )
        except sqlite3.DatabaseError as error:
            raise IncompleteRunError(
                f"{self._path} cannot be written: {error}.",
                hint="Make room, then repeat the same command: it resumes.",
            ) from None


def read_attributions(path: Path, scope: Scope) -> dict[Key, Attribution]:
    """The attributions of a scope by cell; none where there is no file yet.

    Raises:
        UsageError: the file is damaged.
    """
    found = [
        Attribution(variant, example, said, tokens, logp, _WORDS.validate_json(words))
        for variant, example, said, tokens, logp, words in _select(path, "attributions", scope)
    ]
    return {one.key: one for one in found}


def read_checks(path: Path, scope: Scope) -> dict[Key, dict[str, float]]:
    """What was found when cells were checked, by cell; none where there is no file yet.

    Raises:
        UsageError: the file is damaged.
    """
    rows = _select(path, "checks", scope)
    return {(variant, example): json.loads(content) for variant, example, content in rows}


def _select(path: Path, table: str, scope: Scope) -> list[list[Any]]:
    """The rows of a scope, from the variant on, each as it was written."""
    if not path.is_file():
        return []
    query = f"SELECT * FROM {table} WHERE model = ? AND answers = ? ORDER BY variant_id, example_id"
    try:
        with closing(open_to_read(path)) as db:
            rows = db.execute(query, (scope.model, scope.answers)).fetchall()
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"{path} is damaged: {error}.", hint=_DAMAGED) from None
    if any(digest != row_digest(*values) for *values, digest in rows):
        raise UsageError(f"{path} is damaged: a row is not as it was written.", hint=_DAMAGED)
    return [list(row[2:-1]) for row in rows]


def _words_to_json(words: Iterable[ExplainedWord]) -> str:
    rounded = (
        {**asdict(word), "density": round(word.density, 6), "share": round(word.share, 6)}
        for word in words
    )
    return json.dumps(list(rounded), ensure_ascii=False, separators=(",", ":"))
