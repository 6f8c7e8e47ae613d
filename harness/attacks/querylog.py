"""The query log: every cell that a search has asked, in order, one SQLite row each.

A search is a function of its seed and of the answers it gets. Repeating it over the log of a killed
one therefore asks what that one had asked, is answered from the log, and goes on from there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import HarnessError, IncompleteRunError, UsageError
from harness.core.records import Sample
from harness.core.sqlite import Database, open_journaled, row_digest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queries (
    number INTEGER PRIMARY KEY, stage TEXT NOT NULL, text TEXT NOT NULL, example_id TEXT NOT NULL,
    gold TEXT NOT NULL, prediction TEXT, score REAL NOT NULL, scores TEXT, digest BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS query_key ON queries (text, example_id);
"""
_COLUMNS = "stage, text, example_id, gold, prediction, score, scores"


@dataclass(frozen=True, slots=True)
class Query:
    """One cell that was asked, and what the model answered."""

    stage: str
    text: str
    example_id: str
    gold: str
    prediction: str | None
    score: float
    scores: dict[str, float] | None


class QueryLog(Database):
    """Queries on disk, and in memory by text and example."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            super().__init__(open_journaled(path, _SCHEMA))
            self._known = {(q.text, q.example_id): q for q in self._read()}
        except (sqlite3.DatabaseError, HarnessError) as error:
            raise UsageError(
                f"{path} is damaged: {error}.", hint="Type: --fresh to start this search over."
            ) from None

    def __len__(self) -> int:
        return len(self._known)

    def get(self, text: str, example_id: str) -> Query | None:
        """The query of that cell, if it has been asked."""
        return self._known.get((text, example_id))

    def write(self, queries: Iterable[Query]) -> None:
        """Keep queries, in one transaction: all of them or none.

        Raises:
            IncompleteRunError: the disk is full or the file cannot be written.
        """
        new = list(queries)
        try:
            with self._db:
                self._db.executemany(
                    f"INSERT INTO queries ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    ((*row, row_digest(*row)) for row in map(_row, new)),
                )
        except sqlite3.DatabaseError as error:
            raise IncompleteRunError(
                f"{self._path} cannot be written: {error}.",
                hint="Make room, then repeat the same command: it resumes.",
            ) from None
        self._known.update({(query.text, query.example_id): query for query in new})

    def _read(self) -> Iterator[Query]:
        rows = self._db.execute(f"SELECT {_COLUMNS}, digest FROM queries ORDER BY number")
        for number, (*values, digest) in enumerate(rows, start=1):
            if digest != row_digest(*values):
                raise UsageError(f"row {number} is not as it was written")
            stage, text, example_id, gold, prediction, score, scores = values
            parsed = None if scores is None else json.loads(scores)
            yield Query(stage, text, example_id, gold, prediction, score, parsed)


def make_query(stage: str, text: str, sample: Sample) -> Query:
    """The query of a scored cell."""
    scores = None if sample.scores is None else dict(sample.scores)
    return Query(
        stage, text, sample.example_id, sample.gold, sample.prediction, sample.score, scores
    )


def _row(query: Query) -> tuple[str | float | None, ...]:
    return (
        query.stage,
        query.text,
        query.example_id,
        query.gold,
        query.prediction,
        float(query.score),
        # Written in full: a resumed search must see the very numbers that the first one saw.
        None if query.scores is None else json.dumps(query.scores),
    )
