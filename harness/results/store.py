"""The sample store: one SQLite row a scored cell, written a window at a time, resumable."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import IncompleteRunError, UsageError
from harness.core.records import RIGHT_FROM, Sample
from harness.core.sqlite import Database, open_journaled, open_to_read
from harness.results.jsonfiles import parse_object

if TYPE_CHECKING:
    import pandas as pd

_SCHEMA = """
CREATE TABLE IF NOT EXISTS samples (
    variant_id TEXT NOT NULL, example_id TEXT NOT NULL, task TEXT NOT NULL, level TEXT NOT NULL,
    perturbation TEXT NOT NULL, instruction_id TEXT NOT NULL, gold TEXT NOT NULL,
    prediction TEXT, score REAL NOT NULL, parsed INTEGER NOT NULL, scorer TEXT NOT NULL,
    scores TEXT, text TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS sample_key ON samples (variant_id, example_id, scorer);
CREATE TABLE IF NOT EXISTS draws (
    variant_id TEXT NOT NULL, example_id TEXT NOT NULL, place INTEGER NOT NULL,
    prediction TEXT, score REAL NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (variant_id, example_id, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS priors (
    variant_id TEXT PRIMARY KEY, scores TEXT NOT NULL
);
"""
_INSERT = f"INSERT OR REPLACE INTO samples VALUES ({', '.join('?' * 13)})"

COMPACT_COLUMNS = (
    "variant_id", "example_id", "task", "level", "perturbation", "instruction_id", "gold",
    "prediction", "score", "correct", "parsed", "scorer",
)  # fmt: skip
"""What statistics need; without the texts and scores a million samples stay small."""

_CHUNK = 10_000
"""Rows read at a time: as Python objects they take tens of times the memory of their codes."""
_OF_VARIANT = ("variant_id", "task", "level", "perturbation", "instruction_id")
_CATEGORIES = ("example_id", "gold", "prediction", "scorer")
_FLAGS = ("correct", "parsed")
_RIGHT = f"score >= {RIGHT_FROM} AS correct"
"""Not stored: it follows from the score."""


class SampleStore(Database):
    """Writes and resumes the samples of one run; a killed process loses a window at most."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            super().__init__(open_journaled(path, _SCHEMA))
        except sqlite3.DatabaseError as error:
            raise _explain(error, path) from None

    def scores(self, variant_id: str, scorer: str, examples: Sequence[str]) -> dict[str, float]:
        """Which of these examples the variant has been scored on, and its score on each."""
        rows = self._read(
            "SELECT example_id, score FROM samples WHERE variant_id = ? AND scorer = ? "
            "AND example_id IN (SELECT value FROM json_each(?))",
            (variant_id, scorer, json.dumps(list(examples))),
        )
        return {example_id: float(score) for example_id, score in rows}

    def count(self, scorer: str, task: str) -> int:
        """How many samples of a scorer on a task are stored."""
        query = "SELECT count(*) FROM samples WHERE scorer = ? AND task = ?"
        return int(self._read(query, (scorer, task))[0][0])

    def prior(self, variant_id: str) -> dict[str, float] | None:
        """Content-free label log-probabilities of a variant, if they have been measured."""
        rows = self._read("SELECT scores FROM priors WHERE variant_id = ?", (variant_id,))
        if not rows:
            return None
        content = parse_object(str(rows[0][0]).encode(), f"{self.path}: the prior of {variant_id}")
        try:
            return {label: float(value) for label, value in content.items()}
        except (TypeError, ValueError):
            message = f"{self.path} is damaged: the prior of {variant_id} is none."
            raise UsageError(message, hint="Type: --fresh to start this run over.") from None

    def _read(self, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query.

        Raises:
            UsageError: the file is damaged.
        """
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None

    def write(
        self, samples: Iterable[Sample], priors: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        """Store samples, and priors by variant id, in one transaction: all of them or none.

        Raises:
            IncompleteRunError: the disk is full or the file cannot be written; nothing is lost
                that was stored before, and the same command resumes.
        """
        samples = list(samples)
        draws = [row for sample in samples for row in _draw_rows(sample)]
        try:
            with self._db:
                self._db.executemany(_INSERT, (_row(sample) for sample in samples))
                self._db.executemany(
                    "INSERT OR REPLACE INTO draws VALUES (?, ?, ?, ?, ?, ?)", draws
                )
                self._db.executemany(
                    "INSERT OR REPLACE INTO priors VALUES (?, ?)",
                    ((variant, json.dumps(dict(p))) for variant, p in (priors or {}).items()),
                )
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None


def read_samples(path: Path, columns: Sequence[str] = COMPACT_COLUMNS) -> pd.DataFrame:
    """The samples as a frame, strings as categories, in an order that no resume can change.

    Read in chunks: the memory of a million samples is their codes, not their strings.

    Raises:
        UsageError: no such file, or not a sample store.
    """
    import pandas as pd

    frame = pd.concat(list(read_chunks(path, columns)), ignore_index=True)
    if "scores" in columns:
        frame["scores"] = _parse_scores(frame["scores"], path)
    return frame


def read_chunks(path: Path, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The samples as frames of bounded size, one at least; scores stay text.

    Raises:
        UsageError: no such file, or not a sample store.
    """
    import pandas as pd

    if not path.is_file():
        raise UsageError(f"no samples at {path}.")
    try:
        yield from _read_chunks(path, columns)
    except (OSError, sqlite3.Error, pd.errors.DatabaseError) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None


def read_texts(
    path: Path, variants: Sequence[str], examples: Sequence[str]
) -> dict[tuple[str, str], str]:
    """(variant id, example id) -> what was generated there, of those that have a text.

    Raises:
        UsageError: not a sample store.
    """
    marks = [", ".join("?" * len(ids)) for ids in (variants, examples)]
    query = (
        "SELECT variant_id, example_id, text FROM samples WHERE text IS NOT NULL "
        f"AND variant_id IN ({marks[0]}) AND example_id IN ({marks[1]})"
    )
    try:
        with closing(open_to_read(path)) as db:
            rows = db.execute(query, (*variants, *examples)).fetchall()
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None
    return {(variant, example): str(text) for variant, example, text in rows}


def read_scores(
    path: Path, scorer: str, variants: Sequence[str], examples: Sequence[str]
) -> dict[tuple[str, str], dict[str, float]]:
    """(variant id, example id) -> label -> its score, where a scorer compared labels.

    Raises:
        UsageError: not a sample store.
    """
    query = (
        "SELECT variant_id, example_id, scores FROM samples WHERE scores IS NOT NULL "
        "AND scorer = ? AND variant_id IN (SELECT value FROM json_each(?)) "
        "AND example_id IN (SELECT value FROM json_each(?))"
    )
    ids = (json.dumps(list(variants)), json.dumps(list(examples)))
    try:
        with closing(open_to_read(path)) as db:
            rows = db.execute(query, (scorer, *ids)).fetchall()
        return {
            (str(variant), str(example)): {k: float(v) for k, v in json.loads(scores).items()}
            for variant, example, scores in rows
        }
    except (OSError, sqlite3.Error, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None


def read_draws(path: Path) -> pd.DataFrame:
    """The draws of sampled cells, a row each: none where nothing was sampled.

    Raises:
        UsageError: no such file, or not a sample store.
    """
    import pandas as pd

    query = (
        "SELECT variant_id, example_id, place, prediction, score, text FROM draws "
        "ORDER BY variant_id, example_id, place"
    )
    if not path.is_file():
        raise UsageError(f"no samples at {path}.")
    try:
        with closing(open_to_read(path)) as db:
            return pd.read_sql_query(query, db)
    except (OSError, sqlite3.Error, pd.errors.DatabaseError) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None


def read_priors(path: Path) -> dict[str, dict[str, float]]:
    """Variant id -> label -> its log-probability without content, of those that were measured.

    Raises:
        UsageError: not a sample store, or a prior that is none.
    """
    try:
        with closing(open_to_read(path)) as db:
            rows = db.execute("SELECT variant_id, scores FROM priors").fetchall()
        return {
            str(variant): {label: float(value) for label, value in json.loads(scores).items()}
            for variant, scores in rows
        }
    except (OSError, sqlite3.Error, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None


def read_said(path: Path, limit: int, length: int) -> dict[tuple[str, str], str]:
    """(variant id, example id) -> the first `length` characters of what was generated there.

    Of at most `limit` cells, example by example, so that what is there of an example is all of it.

    Raises:
        UsageError: not a sample store.
    """
    query = (
        "SELECT variant_id, example_id, substr(text, 1, ?) FROM samples WHERE text IS NOT NULL "
        "ORDER BY example_id, variant_id LIMIT ?"
    )
    try:
        with closing(open_to_read(path)) as db:
            rows = db.execute(query, (length, limit)).fetchall()
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None
    return {(str(variant), str(example)): str(text) for variant, example, text in rows}


def _read_chunks(path: Path, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    of_cells = [name for name in columns if name not in _OF_VARIANT]
    wanted = [name for name in columns if name in _OF_VARIANT]
    query = (
        f"SELECT {', '.join(('variant_id AS variant_key', *map(_column, of_cells)))} FROM samples "
        "ORDER BY variant_id, example_id, scorer"
    )
    with closing(open_to_read(path)) as db:
        variants = _read_variants(db, wanted)
        dtypes = _dtypes(db, of_cells)
        for chunk in pd.read_sql_query(query, db, chunksize=_CHUNK):
            rows = variants.index.get_indexer(pd.Index(chunk.pop("variant_key")))
            repeated = {name: variants[name].array.take(rows) for name in wanted}
            yield chunk.astype(dtypes).assign(**repeated)[list(columns)]


def _column(name: str) -> str:
    return _RIGHT if name == "correct" else name


def _read_variants(db: sqlite3.Connection, columns: Sequence[str]) -> pd.DataFrame:
    """What is the same in all cells of a variant, by its id: read once, not for every cell."""
    import pandas as pd

    wanted = ", ".join(("variant_id AS variant_key", *columns))
    query = f"SELECT {wanted} FROM samples GROUP BY variant_id"
    frame = pd.read_sql_query(query, db, index_col="variant_key")
    return frame.astype({name: pd.CategoricalDtype(sorted(set(frame[name]))) for name in columns})


def _dtypes(
    db: sqlite3.Connection, columns: Sequence[str]
) -> dict[str, pd.CategoricalDtype | type[bool]]:
    """Strings as categories, alike in all chunks."""
    import pandas as pd

    dtypes: dict[str, pd.CategoricalDtype | type[bool]] = {}
    for name in columns:
        if name in _FLAGS:
            dtypes[name] = bool
        elif name in _CATEGORIES:
            query = f"SELECT DISTINCT {name} FROM samples WHERE {name} IS NOT NULL ORDER BY 1"
            dtypes[name] = pd.CategoricalDtype([value for (value,) in db.execute(query)])
    return dtypes


def _parse_scores(texts: Iterable[object], path: Path) -> pd.Series[Any]:
    """Scores as mappings, None where a scorer has none (which pandas reads as NaN)."""
    import pandas as pd

    try:
        parsed = [json.loads(text) if isinstance(text, str) else None for text in texts]
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged: scores that are not JSON: {error}.") from None
    return pd.Series(parsed, dtype=object)


def settle(path: Path) -> None:
    """Bring what the journal holds into the file, so that its bytes stay as they are.

    Raises:
        IncompleteRunError: another program reads the file all the while.
    """
    with closing(sqlite3.connect(path, timeout=60)) as db:
        busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise IncompleteRunError(
            f"another program keeps {path} open.",
            hint="Close it, then repeat the same command: it ends the run.",
        )


def _row(sample: Sample) -> tuple[object, ...]:
    scores = sample.scores
    return (
        sample.variant_id,
        sample.example_id,
        sample.task,
        sample.level,
        sample.perturbation,
        sample.instruction_id,
        sample.gold,
        sample.prediction,
        sample.score,
        int(sample.parsed),
        sample.scorer,
        None if scores is None else json.dumps({k: round(v, 6) for k, v in scores.items()}),
        sample.text,
    )


def _draw_rows(sample: Sample) -> Iterator[tuple[object, ...]]:
    for place, draw in enumerate(sample.draws):
        cell = (sample.variant_id, sample.example_id, place)
        yield (*cell, draw.prediction, draw.score, draw.text)


def _explain(error: sqlite3.DatabaseError, path: Path) -> IncompleteRunError | UsageError:
    text = str(error)
    if "full" in text or "I/O" in text or "readonly" in text:
        return IncompleteRunError(
            f"the samples cannot be written to {path}: {text}.",
            hint="Make room, then repeat the same command: it resumes.",
        )
    if "not a database" in text or "malformed" in text:
        return UsageError(
            f"{path} is damaged: {text}.", hint="Type: --fresh to start this run over."
        )
    return IncompleteRunError(f"the samples cannot be written to {path}: {text}.")
