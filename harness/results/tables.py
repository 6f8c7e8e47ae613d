"""Tables in files for other programs: what their writers have in common."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from harness.core.atomic import reason, replace_file
from harness.core.errors import MissingPackageError, UsageError
from harness.results.cells import protect_cell


@contextmanager
def table_file(target: Path) -> Iterator[BinaryIO]:
    """A table's file, replaced at once when it is whole.

    Raises:
        UsageError: it cannot be written.
        MissingPackageError: its writer wants pyarrow, which is not there.
    """
    try:
        with replace_file(target) as stream:
            yield stream
    except ImportError:
        raise MissingPackageError(
            "pyarrow",
            needed_for="writing Parquet",
            install='pip install "robustness-harness[parquet]"',
        ) from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {reason(error)}.") from None


def write_csv(columns: Iterable[str], rows: Iterable[Iterable[object]], stream: BinaryIO) -> None:
    """Write rows as CSV in UTF-8; a missing value is empty, and no text becomes a formula."""
    text = io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    text.flush()
    text.detach()


def _cell(value: object) -> object:
    return protect_cell(value) if isinstance(value, str) else value
