"""Writes a history as a table, for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from harness.core.errors import UsageError
from harness.history.answer import Answer, table_rows
from harness.results.jsonfiles import Json
from harness.results.tables import table_file, write_csv

COLUMNS: Final[dict[str, type]] = {
    "path": str, "run_id": str, "model": str, "date": str, "seed": int, "scorer": str, "task": str,
    "level": str, "metric": str, "value": float, "low": float, "high": float, "drop": float,
    "drop_low": float, "drop_high": float, "cells": int, "examples": int,
}  # fmt: skip
"""Column -> its type; any value may be missing."""


def export_history(found: Answer, out: Path) -> Path:
    """Write one row per run, task and level; of a row over all tasks the task is missing.

    Args:
        found: the answer whose runs are written.
        out: the file; its ending says whether it is CSV, JSON Lines or Parquet.

    Returns:
        The file.

    Raises:
        UsageError: another ending, or a file that cannot be written.
        MissingPackageError: Parquet without pyarrow.
    """
    writer = FORMATS.get(out.suffix.lower())
    if writer is None:
        endings = ", ".join(FORMATS)
        raise UsageError(f"{out} ends in none of {endings}.", hint="Type: --out history.csv")
    with table_file(out) as stream:
        writer(table_rows(found), stream)
    return out


def _write_csv(rows: Iterable[Json], stream: BinaryIO) -> None:
    write_csv(COLUMNS, ([row[name] for name in COLUMNS] for row in rows), stream)


def _write_jsonl(rows: Iterable[Json], stream: BinaryIO) -> None:
    for row in rows:
        stream.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace"))


def _write_parquet(rows: Iterable[Json], stream: BinaryIO) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    table = pyarrow.Table.from_pylist([_encodable(row) for row in rows], schema)
    parquet.write_table(table, stream)


def _encodable(row: Json) -> Json:
    return {
        name: value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, str)
        else value
        for name, value in row.items()
    }


FORMATS: Final[dict[str, Callable[[Iterable[Json], BinaryIO], None]]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
"""Ending of a file's name -> its writer."""
