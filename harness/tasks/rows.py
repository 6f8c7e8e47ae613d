"""Rows of a source: JSON Lines, CSV, Parquet (plain, .gz or .xz) or a hub data set."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final

from harness.core.errors import MissingPackageError, UsageError, nearest_hint
from harness.tasks.hub import reach_hub
from harness.tasks.schema import HubSource, Source

Row = Mapping[str, object]

_OPENERS = {".gz": gzip.open, ".xz": lzma.open}
_HALF_CHARACTER: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read_source(source: Source, *, beside: Path, data_dir: Path | None) -> list[Row]:
    """All rows of a source, in file order.

    `beside` is the folder of the task file; `data_dir` the folder given by the user.

    Raises:
        UsageError: no file and no hub data set can be had, or a file is empty or malformed.
    """
    if source.rows is not None:
        return list(source.rows)
    if source.file is not None:
        return read_file(beside / source.file)
    if source.data is not None and data_dir is not None:
        path = data_dir / source.data
        if path.is_file() or source.hub is None:
            return read_file(path)
    if source.hub is not None:
        return _read_hub(source.hub, wanted=source.data, data_dir=data_dir)
    raise UsageError(
        f"the rows are in {source.data!r} of a data folder, and none was given.",
        hint="Type: --data-dir FOLDER (or set HARNESS_DATA_DIR).",
    )


def read_file(path: Path) -> list[Row]:
    """All rows of a .jsonl, .csv, .tsv or .parquet file, plain or compressed by gzip or xz.

    Raises:
        UsageError: missing, empty, of another kind, not UTF-8, or malformed (with the line).
    """
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise UsageError(f"data file not found: {path}.{nearest_hint(path.name, siblings)}")
    kind = next((s for s in path.suffixes[::-1] if s not in _OPENERS), "")
    readers: dict[str, Callable[[Path], list[Row]]] = {
        ".jsonl": _read_jsonl,
        ".csv": _read_csv,
        ".tsv": partial(_read_csv, delimiter="\t"),
        ".parquet": _read_parquet,
    }
    if kind not in readers:
        raise UsageError(
            f"{path}: cannot tell how to read {kind or 'a file without a suffix'!r}; "
            "expected .jsonl, .csv, .tsv or .parquet, plain or as .gz or .xz."
        )
    rows = readers[kind](path)
    if not rows:
        raise UsageError(f"{path}: the data file has no rows.")
    return rows


def numbered_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a JSON Lines file, each with its line; blank lines and a BOM are left out.

    Raises:
        UsageError: no such file, not UTF-8, or a line that is no JSON object.
    """
    for number, line in _lines(path):
        if line.strip():
            yield number, _parse_row(line, path, number)


def _read_jsonl(path: Path) -> list[Row]:
    return [row for _, row in numbered_rows(path)]


def _parse_row(line: str, path: Path, number: int) -> Row:
    where = f"{path}, line {number}"
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError(f"{where}: not valid JSON: {error.msg} at column {error.colno}.") from None
    except ValueError:
        raise UsageError(f"{where}: a number has too many digits to be read.") from None
    except RecursionError:
        raise UsageError(f"{where}: lists or objects are nested too deeply.") from None
    if not isinstance(row, dict):
        raise UsageError(f"{where}: a row is a JSON object, this is not.")
    if _HALF_CHARACTER.search(line) and _SURROGATE.search(json.dumps(row, ensure_ascii=False)):
        raise UsageError(
            f"{where}: half a character (a lone surrogate such as \\ud83d) stands in a text.",
            hint="Write the file again from text that is valid Unicode.",
        )
    return row


def _read_csv(path: Path, delimiter: str | None = None) -> list[Row]:
    lines = (line for _, line in _lines(path))
    header = next(lines, "")
    with _no_field_limit():
        mark = delimiter or _delimiter(header)
        reader = csv.DictReader(chain([header], lines), strict=True, delimiter=mark)
        try:
            _check_columns(reader.fieldnames or (), path)
            return [_checked(row, reader, path) for row in reader]
        except csv.Error as error:
            raise UsageError(f"{path}, line {reader.line_num}: not valid CSV: {error}.") from None


def _delimiter(header: str) -> str:
    """A comma; where the first line has none, a semicolon or a tab that it has."""
    return "," if "," in header else next((mark for mark in ";\t" if mark in header), ",")


def _check_columns(names: Sequence[str], path: Path) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"{path}, line 1: the column {twice!r} stands twice; rename one.")


def _checked(row: dict[str, str], reader: csv.DictReader[str], path: Path) -> Row:
    if None in row or None in row.values():
        raise UsageError(
            f"{path}, line {reader.line_num}: {len(reader.fieldnames or ())} columns were "
            "expected, as in the first line."
        )
    return row


@contextmanager
def _no_field_limit() -> Iterator[None]:
    """The csv module's limit of 131,072 characters per field, which is the process's, put aside."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _read_parquet(path: Path) -> list[Row]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingPackageError(
            "pyarrow",
            needed_for=f"reading {path.name}",
            install='pip install "robustness-harness[parquet]"',
        ) from None
    try:
        with _open(path) as stream:
            table = parquet.read_table(io.BytesIO(stream.read()))
    except (pyarrow.ArrowException, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(f"{path}: not a Parquet file: {_first_line(error)}") from None
    rows: list[Row] = table.to_pylist()
    return rows


def _read_hub(source: HubSource, *, wanted: str | None, data_dir: Path | None) -> list[Row]:
    place = f"{data_dir}/{wanted}" if data_dir and wanted else None
    hint = "Type: --data-dir FOLDER (or set HARNESS_DATA_DIR)." if wanted else None
    name = "/".join(filter(None, (source.path, source.config, source.split)))
    try:
        import datasets
    except ImportError:
        raise MissingPackageError(
            "datasets",
            needed_for=f"{place or 'no data folder'} is not there; the hub data set {name}",
            install=f'pip install "robustness-harness[hub]"{f", or {hint[6:]}" if hint else ""}',
        ) from None
    try:
        with reach_hub():
            rows = list(datasets.load_dataset(source.path, source.config, split=source.split))
    except Exception as error:  # datasets raises many kinds, from many libraries
        missing = f"{place} is not there, and the " if place else "the "
        raise UsageError(
            f"{missing}hub data set {name} cannot be loaded: {_first_line(error)}", hint=hint
        ) from None
    return rows


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines with their ends, decoded one by one; a byte order mark is left out.

    Only a line feed ends a line: `str.splitlines` would also split at U+2028 inside a text.
    """
    number = 0
    try:
        with _open(path) as stream:
            for number, raw in enumerate(stream, 1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                if "\0" in line:
                    raise UsageError(f"{path}, line {number}: a NUL byte; this is no text file.")
                yield number, line
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}, line {number}: not UTF-8 (byte {error.object[error.start]:#04x} at offset "
            f"{error.start} of the line).",
            hint=f"Convert it: iconv -t utf-8 {path}",
        ) from None
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(
            f"{path}: cannot be read after line {number}: {_first_line(error)}"
        ) from None


def _open(path: Path) -> io.BufferedIOBase:
    opener = _OPENERS.get(path.suffix)
    stream: io.BufferedIOBase = opener(path) if opener else path.open("rb")  # type: ignore[operator]
    return stream


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def data_dir_from_environment() -> Path | None:
    """The folder named by HARNESS_DATA_DIR, if it is set."""
    value = os.environ.get("HARNESS_DATA_DIR")
    return Path(value) if value else None


def iter_fields(row: Row) -> Iterator[tuple[str, str]]:
    """The fields of a row that hold something, as text."""
    for name, value in row.items():
        if value is not None:
            yield str(name), value if isinstance(value, str) else str(value)


def place_of(path: Path, number: int) -> str:
    """Where the row of that number, from 1, stands: `FILE, line N` of JSON Lines, else `row N`."""
    if ".jsonl" not in path.suffixes:
        return f"{path}, row {number}"
    filled = (line for line, text in _lines(path) if text.strip())
    return f"{path}, line {next(islice(filled, number - 1, None), number)}"
