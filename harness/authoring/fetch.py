"""Public rows from the hub into a data folder, each file with its checksum and licence noted."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from harness.authoring.public_data import PublicData
from harness.core.atomic import reason, replace_file, write_json
from harness.core.errors import MissingPackageError, UsageError
from harness.tasks.hub import reach_hub
from harness.tasks.rows import read_bytes

NOTES: Final = "SOURCES.json"
"""In the data folder: where each fetched file is from, its licence and its checksum."""

State = Literal["missing", "there", "as fetched", "changed"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of rows that was written."""

    file: str
    hub: str
    revision: str
    rows: int
    sha256: str
    """Of the JSON Lines, uncompressed."""
    licence: str


def fetch(data: PublicData, folder: Path, *, force: bool = False) -> Fetched:
    """Write one data set's rows where tasks look for them.

    Args:
        data: The data set.
        folder: The data folder.
        force: Overwrite a file that is there.

    Raises:
        UsageError: the file is there already, it cannot be written, or the hub cannot be reached;
            the message then says what to put where.
        MissingPackageError: the package `datasets` is not installed.
    """
    path = folder / data.file
    if path.exists() and not force:
        raise UsageError(f"{path} is there already.", hint="Type: --force to overwrite it.")
    rows, revision = _load(data, path)
    content = "".join(
        json.dumps(row, ensure_ascii=False) + "\n" for row in data.convert(rows)
    ).encode()
    _write(path, content)
    name = "/".join(filter(None, (data.hub, data.config, data.split)))
    done = Fetched(
        file=data.file,
        hub=name,
        revision=revision,
        rows=content.count(b"\n"),
        sha256=hashlib.sha256(content).hexdigest(),
        licence=data.licence,
    )
    _note(folder, done)
    return done


def state_of(data: PublicData, folder: Path | None) -> State:
    """Whether a data set's file is there, and whether it is still what was fetched."""
    if folder is None or not (folder / data.file).is_file():
        return "missing"
    noted = _notes(folder).get(data.file)
    if noted is None:
        return "there"
    content = read_bytes(folder / data.file)
    return "as fetched" if hashlib.sha256(content).hexdigest() == noted.sha256 else "changed"


def _load(data: PublicData, path: Path) -> tuple[Iterable[dict[str, object]], str]:
    try:
        import datasets
        from huggingface_hub import HfApi
    except ImportError:
        raise MissingPackageError(
            "datasets",
            needed_for="fetching public data",
            install='pip install "robustness-harness[hub]"',
        ) from None
    try:
        with reach_hub():
            revision = HfApi().dataset_info(data.hub, revision=data.revision).sha or "unknown"
            return (
                datasets.load_dataset(
                    data.hub, data.config, split=data.split, revision=data.revision or revision
                ),
                revision,
            )
    except Exception as error:  # both raise many kinds, from many libraries
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"{data.hub} of the hub cannot be had: {lines[0][:200].rstrip('.')}.",
            hint=f"Put its split {data.split!r} into {path}: JSON Lines, each row with the fields "
            f"{', '.join(data.fields)}.",
        ) from None


def _write(path: Path, content: bytes) -> None:
    packed = lzma.compress(content) if path.suffix == ".xz" else gzip.compress(content, mtime=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as stream:
            stream.write(packed)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason(error)}.") from None


def _notes(folder: Path) -> dict[str, Fetched]:
    try:
        content = json.loads((folder / NOTES).read_text("utf-8"))
        return {file: Fetched(**noted) for file, noted in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}  # no notes, or none that can be read: nothing is claimed of the files


def _note(folder: Path, done: Fetched) -> None:
    notes = _notes(folder) | {done.file: done}
    write_json(folder / NOTES, {file: asdict(notes[file]) for file in sorted(notes)})
