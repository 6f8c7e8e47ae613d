"""How a text file is stored: its encoding, and what stands between its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.tasks.encodings import check_encoding
from harness.tasks.rows import FileForm, kind_of, read_bytes

_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT: Final = 50
"""Rows that decide the separator."""
_FOREIGN: Final = 0.3
"""Share of letters beyond ASCII from which a text of single bytes is hardly a Western one."""


@dataclass(frozen=True, slots=True)
class GuessedForm:
    """A file's form, and why it is taken for that."""

    form: FileForm
    encoding_reason: str
    separator_reason: str | None
    """None where the file has no columns of text."""


def guess_form(
    path: Path, *, separator: str | None = None, encoding: str | None = None
) -> GuessedForm:
    """The encoding and separator of a file of rows.

    Args:
        path: A .csv, .tsv, .json, .jsonl or .parquet file, plain or compressed.
        separator: What the user said it is: a character, or `tab`; guessed if None.
        encoding: The same of the encoding.

    Raises:
        UsageError: no such file, an encoding that cannot be told or is unknown, or a separator of
            more than one character.
    """
    kind = kind_of(path)
    if kind == ".parquet":
        return GuessedForm(FileForm(), "a Parquet file says it itself", None)
    encoding, why = _guess_encoding(path, encoding)
    if kind not in (".csv", ".tsv"):
        return GuessedForm(FileForm(None, encoding), why, None)
    if separator is not None:
        return GuessedForm(FileForm(_parse_separator(separator), encoding), why, "you said so")
    if kind == ".tsv":
        return GuessedForm(FileForm(None, encoding), why, "tabs, by the file's name")
    text = read_bytes(path).decode(encoding, errors="replace").removeprefix("\ufeff")
    mark, columns = _guess_separator(text)
    reason = f"the first rows have {columns} columns each" if columns > 1 else "there is one column"
    return GuessedForm(FileForm(mark, encoding), why, f"{_SEPARATORS[mark]}: {reason}")


def _parse_separator(given: str) -> str:
    mark = {"tab": "\t", "\\t": "\t"}.get(given, given)
    if len(mark) != 1:
        raise UsageError(
            f"--separator {given!r} is not one character.",
            hint="Type for example: --separator ';' or --separator tab.",
        )
    return mark


def _guess_encoding(path: Path, given: str | None) -> tuple[str, str]:
    if given is not None:
        return _checked_encoding(given), "you said so"
    content = read_bytes(path)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", "the file begins with UTF-16's mark"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _guess_single_bytes(content, path)
    return "utf-8", "every byte fits"


def _checked_encoding(given: str) -> str:
    try:
        return check_encoding(given)
    except ValueError as error:
        raise UsageError(f"--encoding: {error}.") from None


def _guess_single_bytes(content: bytes, path: Path) -> tuple[str, str]:
    """Western letters, where few are beyond ASCII; who writes other scripts must say which."""
    text = content.decode("cp1252", errors="replace")
    letters = [character for character in text if character.isalpha()]
    foreign = sum(not character.isascii() for character in letters) / max(1, len(letters))
    if b"\0" in content or "\ufffd" in text or foreign > _FOREIGN:
        raise UsageError(
            f"{path}: neither UTF-8 nor a Western encoding, and bytes do not say which it is.",
            hint="Type: --encoding NAME, such as gb18030, big5, shift_jis, euc_kr, cp1251 or "
            "cp1250.",
        )
    shown = next(line.strip() for line in text.splitlines() if not line.isascii())
    return "cp1252", f"not UTF-8, and few letters are beyond ASCII; read as {shown[:60]!r}"


def _guess_separator(text: str) -> tuple[str, int]:
    """The separator by which the first rows have equally many columns, and how many."""
    found = {mark: _columns(text, mark) for mark in _SEPARATORS}
    best = max(found, key=lambda mark: found[mark])
    return (best, found[best]) if found[best] > 1 else (",", 1)


def _columns(text: str, mark: str) -> int:
    """How many columns every row has; 1 where they differ."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    rows: list[Sequence[str]] = []
    try:
        for row in reader:
            rows += [row] if row else []
            if len(rows) == _LOOKED_AT:
                break
    except csv.Error:
        return 1
    counts = {len(row) for row in rows}
    return counts.pop() if len(counts) == 1 else 1
