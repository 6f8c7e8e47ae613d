"""Rows of a file: JSON (Lines), CSV or Parquet, plain, .gz or .xz.

Rows are read one by one, as often as they are asked for; no file is held whole but .json and
compressed Parquet, which cannot be read in parts.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from harness.core.errors import MissingPackageError, UsageError, nearest_hint

Row = Mapping[str, object]

_OPENERS = {".gz": gzip.open, ".xz": lzma.open}
_BATCH: Final = 1024
"""Rows of a Parquet file that are in memory at once."""
_HALF_CHARACTER: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FileForm:
    """How a text file is to be read."""

    separator: str | None = None
    """Between the columns of a CSV file; None: read off its first line."""
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of a file, read anew for each loop over them."""

    path: Path
    form: FileForm = FileForm()

    def __iter__(self) -> Iterator[Row]:
        return iter_file(self.path, self.form)


def read_file(path: Path, form: FileForm = FileForm()) -> list[Row]:
    """All rows of a file; see `iter_file`."""
    return list(iter_file(path, form))


def iter_file(path: Path, form: FileForm = FileForm()) -> Iterator[Row]:
    """The rows of a .jsonl, .json, .csv, .tsv or .parquet file, plain or in gzip or xz.

    Raises:
        UsageError: missing, empty, of another kind or encoding, or malformed (with the line).
    """
    _check_file(path)
    kind = kind_of(path)
    readers: dict[str, Callable[[Path, FileForm], Iterator[Row]]] = {
        ".jsonl": _iter_jsonl,
        ".json": lambda path, form: iter(_read_json(path, form)),
        ".csv": _iter_csv,
        ".tsv": lambda path, form: _iter_csv(path, replace(form, separator="\t")),
        ".parquet": _iter_parquet,
    }
    if kind not in readers:
        raise UsageError(
            f"{path}: cannot tell how to read {kind or 'a file without a suffix'!r}; "
            "expected .jsonl, .json, .csv, .tsv or .parquet, plain or as .gz or .xz."
        )
    rows = readers[kind](path, form)
    first = next(rows, None)
    if first is None:
        raise UsageError(f"{path}: the data file has no rows.")
    yield first
    yield from rows


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked where it is compressed by gzip or xz.

    Raises:
        UsageError: missing, a folder, or damaged.
    """
    _check_file(path)
    try:
        with _open(path) as stream:
            return stream.read()
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(f"{path}: cannot be read: {first_line(error)}") from None


def _check_file(path: Path) -> None:
    """Say that a file is missing, or is none that can be read twice."""
    try:
        there, found = path.exists(), path.is_file()
    except OSError as error:  # a name that is too long, or a folder that may not be read
        shown = f"{str(path)[:150]}…" if len(str(path)) > 200 else str(path)
        raise UsageError(f"{shown}: cannot be read: {error.strerror}.") from None
    if found:
        return
    if there:
        what = "a folder" if path.is_dir() else "no regular file, and rows may be read twice"
        raise UsageError(f"{path} is {what}; a data file was expected.")
    siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
    raise UsageError(f"data file not found: {path}.{nearest_hint(path.name, siblings)}")


def kind_of(path: Path) -> str:
    """The suffix that says how a file is laid out, such as `.csv` of `rows.csv.gz`, or nothing."""
    kind = next((s for s in path.suffixes[::-1] if s.lower() not in _OPENERS), "").lower()
    return {".ndjson": ".jsonl"}.get(kind, kind)


def numbered_rows(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, Row]]:
    """The rows of a JSON Lines file, each with its line; blank lines and a BOM are left out.

    Raises:
        UsageError: no such file, not UTF-8, or a line that is no JSON object.
    """
    _check_file(path)
    for number, line in _lines(path, encoding):
        if line.strip():
            yield number, _parse_row(line, f"{path}, line {number}")


def _iter_jsonl(path: Path, form: FileForm) -> Iterator[Row]:
    return (row for _, row in numbered_rows(path, form.encoding))


def _parse_row(line: str, where: str) -> Row:
    row = _parse_json(line, where)
    if not isinstance(row, dict):
        raise UsageError(f"{where}: a row is a JSON object, this is not.")
    return row


def _read_json(path: Path, form: FileForm) -> list[Row]:
    """A list of objects, or the only list of objects in an object (`{"data": [...]}`)."""
    content = _parse_json("".join(line for _, line in _lines(path, form.encoding)), str(path))
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        content = lists[0] if len(lists) == 1 else None
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise UsageError(
            f"{path}: a list of objects was expected, one for each row, or an object with one such "
            "list.",
            hint='From pandas: frame.to_json(path, orient="records").',
        )
    return content


def _parse_json(text: str, where: str) -> object:
    try:
        content: object = json.loads(text)
    except json.JSONDecodeError as error:
        line = f" of line {error.lineno}" if error.lineno > 1 else ""
        raise UsageError(
            f"{where}: not valid JSON: {error.msg} at column {error.colno}{line}."
        ) from None
    except ValueError:
        raise UsageError(f"{where}: a number has too many digits to be read.") from None
    except RecursionError:
        raise UsageError(f"{where}: lists or objects are nested too deeply.") from None
    if _HALF_CHARACTER.search(text) and _SURROGATE.search(json.dumps(content, ensure_ascii=False)):
        raise UsageError(
            f"{where}: half a character (a lone surrogate such as \\ud83d) stands in a text.",
            hint="Write the file again from text that is valid Unicode.",
        )
    return content


def _iter_csv(path: Path, form: FileForm) -> Iterator[Row]:
    lines = (line for _, line in _lines(path, form.encoding))
    header = next(lines, "")
    mark = form.separator or _delimiter(header)
    reader = csv.DictReader(chain([header], lines), strict=True, delimiter=mark)
    try:
        _check_columns(reader.fieldnames or (), path)
        while (row := _next_row(reader)) is not None:
            yield _checked(row, reader, path)
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: not valid CSV: {error}.") from None


def _next_row(reader: csv.DictReader[str]) -> dict[str, str] | None:
    with _no_field_limit():
        return next(reader, None)


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


def _iter_parquet(path: Path, _form: FileForm) -> Iterator[Row]:
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
            # Parquet is read from its end, which a compressed stream has no quick way to.
            source = io.BytesIO(stream.read()) if path.suffix.lower() in _OPENERS else stream
            for batch in parquet.ParquetFile(source).iter_batches(_BATCH):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(f"{path}: not a Parquet file: {first_line(error)}") from None


def _lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Numbered lines with their ends, decoded one by one; a byte order mark is left out.

    Only a line feed ends a line: `str.splitlines` would also split at U+2028 inside a text.
    """
    number = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(_decoded(stream, encoding), 1):
                if "\0" in line:
                    raise UsageError(f"{path}, line {number}: a NUL byte; this is no text file.")
                yield number, line
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}, line {number + 1}: not {encoding.upper()} (byte "
            f"{error.object[error.start]:#04x} at offset {error.start} of the line).",
            hint=f"Convert it: iconv -t utf-8 {path}, or write `encoding:` below `source:`.",
        ) from None
    except UnicodeError as error:  # a mark of the byte order that is not there
        raise UsageError(f"{path}: not {encoding.upper()}: {first_line(error)}.") from None
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(
            f"{path}: cannot be read after line {number}: {first_line(error)}"
        ) from None


def _decoded(stream: BinaryIO, encoding: str) -> Iterator[str]:
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        yield from io.TextIOWrapper(stream, encoding, newline="\n")
        return
    for number, raw in enumerate(stream, 1):
        yield raw.decode("utf-8-sig" if number == 1 else "utf-8")


def _open(path: Path) -> BinaryIO:
    opener = _OPENERS.get(path.suffix.lower())
    stream: BinaryIO = opener(path) if opener else path.open("rb")  # type: ignore[operator]
    return stream


def first_line(error: BaseException) -> str:
    """The first line of what a library says, short enough for a message."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


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
