"""The rows of a task: its own, of a file beside it or in the data folder, or of a hub data set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import MissingPackageError, UsageError, nearest_hint
from harness.tasks.hub import check_hub_name, reach_hub
from harness.tasks.rows import FileForm, FileRows, Row, first_line, place_of
from harness.tasks.schema import HubSource, Source


@dataclass(frozen=True, slots=True)
class SourceRows:
    """The rows of a source that hold what it asks for, read anew for each loop."""

    rows: Iterable[Row]
    source: Source

    def __iter__(self) -> Iterator[Row]:
        first: Row | None = None
        read = kept = 0
        for row in self.rows:
            first, read = first or row, read + 1
            if self._counts(row):
                kept += 1
                yield row
        if not kept and (self.source.require or self.source.where):
            raise self._none_of(read, first or {})

    def _counts(self, row: Row) -> bool:
        """Whether a row holds what the source asks of it."""
        return all(_holds(row.get(name)) for name in self.source.require) and all(
            str(row.get(name)) in values for name, values in self.source.where.items()
        )

    def _none_of(self, read: int, first: Row) -> UsageError:
        asked = [*self.source.require, *self.source.where]
        unknown = [name for name in asked if name not in first]
        near = nearest_hint(unknown[0], first) if unknown else ""
        listed = " and ".join(asked)
        return UsageError(
            f"none of the {read} rows holds what the source asks for in {listed}.{near}"
        )


def open_source(source: Source, *, beside: Path, data_dir: Path | None) -> SourceRows:
    """The rows of a source that hold the fields which it requires, in file order.

    `beside` is the folder of the task file; `data_dir` the folder given by the user.

    Raises:
        UsageError: no file and no hub data set can be had. A loop over the rows raises it where a
            file is empty or malformed, or no row holds the required fields.
    """
    return SourceRows(_open_all(source, beside=beside, data_dir=data_dir), source)


def _holds(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _open_all(source: Source, *, beside: Path, data_dir: Path | None) -> Iterable[Row]:
    form = FileForm(source.separator, source.encoding)
    if source.rows is not None:
        return source.rows
    if source.file is not None:
        return FileRows(beside / source.file, form)
    if source.data is not None and data_dir is not None:
        path = data_dir / source.data
        if path.is_file() or source.hub is None:
            return FileRows(path, form)
    if source.hub is not None:
        return _open_hub(source.hub, wanted=source.data, data_dir=data_dir)
    raise UsageError(
        f"the rows are in {source.data!r} of a data folder, and none was given.",
        hint="Type: --data-dir FOLDER (or set HARNESS_DATA_DIR); harness data list says what can "
        "be fetched into it.",
    )


def _open_hub(source: HubSource, *, wanted: str | None, data_dir: Path | None) -> Iterable[Row]:
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
    check_hub_name(source.path)
    try:
        with reach_hub():
            rows: Iterable[Row] = datasets.load_dataset(
                source.path, source.config, split=source.split
            )
    except Exception as error:  # datasets raises many kinds, from many libraries
        missing = f"{place} is not there, and the " if place else "the "
        raise UsageError(
            f"{missing}hub data set {name} cannot be loaded: {first_line(error)}", hint=hint
        ) from None
    return rows


def row_place(source: Source, task: Path, data_dir: Path | None, index: int) -> str:
    """Where a row of a source stands, for messages; `index` counts from 0."""
    if source.require or source.where:
        return f"{task}: row {index + 1} of those that the source asks for"
    path = task.parent / source.file if source.file and source.rows is None else None
    if path is None and source.rows is None and source.data and data_dir:
        path = data_dir / source.data
    # Where rows were left out, or are stored otherwise, a line cannot be told from a row's place.
    if path is None or not path.is_file() or source.require or source.encoding != "utf-8":
        return f"{task}: row {index + 1}"
    return place_of(path, index + 1)


def data_dir_from_environment() -> Path | None:
    """The folder named by HARNESS_DATA_DIR, if it is set."""
    value = os.environ.get("HARNESS_DATA_DIR")
    return Path(value) if value else None
