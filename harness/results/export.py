"""A run's samples as one table, for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from harness.core.errors import UnknownNameError, UsageError
from harness.results.rundir import Run, load_run
from harness.results.tables import table_file, write_csv

if TYPE_CHECKING:
    import pandas as pd

_OF_VARIANTS: Final = {
    "index": "index",
    "text": "instruction",
    "original": "original_instruction",
    "target": "target",
}
"""Columns of variants.jsonl -> what they are called in the table."""
_CHUNK: Final = 10_000

Row = dict[str, object]


def export_samples(
    run_path: Path, *, file_format: str, out: Path | None, partial: bool = False
) -> Path:
    """Write every sample with its variant's text and original.

    Args:
        run_path: the run directory.
        file_format: `csv`, `jsonl` or `parquet`. All hold the same values: a missing one is empty
            in CSV and null elsewhere; `scores`, and `draws` of a sampled run, are JSON text in CSV
            and Parquet. In CSV a text that
            a spreadsheet would run begins with an apostrophe.
        out: the file; default: `samples.FORMAT` in the run directory.
        partial: export a run that is not finished as it is.

    Returns:
        The file that was written.

    Raises:
        UnknownNameError: no such format.
        UsageError: no run, a damaged one, or a file that cannot be written.
        IncompleteRunError: the run is not finished.
        MissingPackageError: Parquet without pyarrow.
    """
    if file_format not in FORMATS:
        raise UnknownNameError("export format", file_format, FORMATS)
    run = load_run(run_path, partial=partial)
    target = out or run.path / f"samples.{file_format}"
    table = samples_table(run)
    with table_file(target) as stream:
        FORMATS[file_format](table, stream)
    return target


def samples_table(run: Run) -> pd.DataFrame:
    """The samples with their variants' texts, and their draws where answers were sampled."""
    import pandas as pd

    variants = run.variants.set_index("id").reindex(columns=list(_OF_VARIANTS))
    samples = run.samples.astype({"variant_id": object})
    if run.draws is not None:
        drawn = pd.Series(_draws_of(samples, run.draws), samples.index, dtype=object)
        samples = samples.assign(draws=drawn)
    return samples.merge(
        variants.rename(columns=_OF_VARIANTS), left_on="variant_id", right_index=True, how="left"
    )


def _draws_of(samples: pd.DataFrame, draws: pd.DataFrame) -> list[list[Row] | None]:
    """Each sample's draws; None where there are none."""
    by_cell: dict[tuple[object, object], list[Row]] = {}
    columns = [draws[name] for name in ("variant_id", "example_id", "prediction", "score", "text")]
    for variant, example, answer, score, text in zip(*columns, strict=True):
        draw: Row = {"prediction": answer, "score": score, "text": text}
        by_cell.setdefault((variant, example), []).append(draw)
    cells = zip(samples["variant_id"], samples["example_id"], strict=True)
    return [by_cell.get(cell) for cell in cells]


def _chunks(table: pd.DataFrame) -> Iterator[list[Row]]:
    """The rows a part at a time, in plain Python types, None where a value is missing."""
    for start in range(0, len(table), _CHUNK):
        rows = table.iloc[start : start + _CHUNK].to_dict("records")
        yield [{str(name): _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        raise UsageError("the samples hold bytes where text must be: the store is damaged.")
    return None if isinstance(value, float) and math.isnan(value) else value


def _write_csv(table: pd.DataFrame, stream: BinaryIO) -> None:
    rows = (map(_cell, row.values()) for rows in _chunks(table) for row in rows)
    write_csv(map(str, table), rows, stream)


def _cell(value: object) -> object:
    return _json(value) if isinstance(value, dict | list) else value


def _write_jsonl(table: pd.DataFrame, stream: BinaryIO) -> None:
    for rows in _chunks(table):
        lines = "".join(f"{_json(row)}\n" for row in rows)
        stream.write(lines.encode("utf-8", "backslashreplace"))


def _write_parquet(table: pd.DataFrame, stream: BinaryIO) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {"index": pyarrow.int64(), "score": pyarrow.float64()}
    types |= dict.fromkeys(("correct", "parsed"), pyarrow.bool_())
    schema = pyarrow.schema([(str(name), types.get(str(name), pyarrow.string())) for name in table])
    with parquet.ParquetWriter(stream, schema) as writer:
        for rows in _chunks(table):
            texts = [row | _as_json(row) for row in rows]
            writer.write_table(pyarrow.Table.from_pylist(texts, schema))


def _as_json(row: Row) -> Row:
    """Those values of a row that are JSON text in Parquet."""
    return {name: _json(row[name]) for name in ("scores", "draws") if row.get(name)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


FORMATS: Final[dict[str, Callable[[pd.DataFrame, BinaryIO], None]]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}
"""Format -> its writer."""
