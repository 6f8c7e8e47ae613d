"""Baselines in a folder, or behind any URL that fsspec has a package for (s3://, gs://, …).

    STORE/main.json            what `main` is, and where its files are
    STORE/main-9f3c…/run.json  the files of one run

The files of a run go to a folder of their own before the small file that points to them is
replaced, so a reader sees the old baseline or the new one, never a mixture.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fsspec
from pydantic import TypeAdapter, ValidationError

from harness.baselines.store import NAME, Baseline, is_file_name
from harness.core.atomic import reason
from harness.core.errors import MissingPackageError, UsageError


@dataclass(frozen=True, slots=True)
class _Entry:
    """The small file that says what a name means."""

    baseline: Baseline
    folder: str
    files: tuple[str, ...]


_ENTRY: TypeAdapter[_Entry] = TypeAdapter(_Entry)


@dataclass(frozen=True, slots=True)
class FileStore:
    """A store on a file system, local or not."""

    address: str
    files: Any
    """The fsspec file system."""
    root: str
    """The store's path on it."""

    @classmethod
    def open(cls, address: str) -> FileStore:
        """The store at a path or URL.

        Raises:
            MissingPackageError: the package for this kind of URL is not installed.
            UsageError: no such kind of URL.
        """
        try:
            files, root = fsspec.core.url_to_fs(address)
        except ImportError as error:
            kind = address.partition("://")[0]
            package = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
            wanted = package.get(kind, str(error.name or kind))
            raise MissingPackageError(
                wanted, needed_for=f"the store {address}", install=f"pip install {wanted}"
            ) from None
        except (ValueError, OSError) as error:
            raise UsageError(
                f"{address!r} is no store: {' '.join(str(error).split())}.",
                hint="Type: --store with a folder, a URL such as s3://bucket/runs, or git:BRANCH.",
            ) from None
        return cls(address, files, root.rstrip("/"))

    def list(self) -> Sequence[Baseline]:
        """What the store holds, by name."""
        with self._explained("read"):
            if not self.files.exists(self.root):
                return []
            found = self.files.ls(self.root, detail=False, refresh=True)
        names = sorted(Path(path).name.removesuffix(".json") for path in found if _is_entry(path))
        return [self._entry(name).baseline for name in names]

    def put(self, baseline: Baseline, files: Sequence[Path]) -> None:
        """Keep a run's files under a name, then forget those of the run that had it."""
        with self._explained("written"):
            former = self._former(baseline.name)
            folder = f"{baseline.name}-{secrets.token_hex(8)}"
            self.files.makedirs(f"{self.root}/{folder}", exist_ok=True)
            for file in files:
                self.files.put_file(str(file), f"{self.root}/{folder}/{file.name}")
            entry = _Entry(baseline, folder, tuple(file.name for file in files))
            self._point(baseline.name, entry)
            if former is not None:
                with suppress(FileNotFoundError):
                    self.files.rm(f"{self.root}/{former.folder}", recursive=True)

    def read(self, name: str) -> Iterator[tuple[str, bytes]]:
        """The name and content of each file of a run that the store holds."""
        entry = self._entry(name)
        for file in entry.files:
            with self._explained("read"):
                content: bytes = self.files.cat_file(f"{self.root}/{entry.folder}/{file}")
            yield file, content

    def _former(self, name: str) -> _Entry | None:
        if not self.files.exists(f"{self.root}/{name}.json"):
            return None
        with suppress(UsageError):  # one that is damaged is replaced
            return self._entry(name)
        return None

    def _point(self, name: str, entry: _Entry) -> None:
        """Replace the small file at once: on object stores a write is, on disks a rename."""
        content = json.dumps(asdict(entry), indent=2).encode()
        part = f"{self.root}/.{secrets.token_hex(8)}.part"
        self.files.pipe_file(part, content)
        self.files.mv(part, f"{self.root}/{name}.json")

    def _entry(self, name: str) -> _Entry:
        with self._explained("read"):
            content = self.files.cat_file(f"{self.root}/{name}.json")
        try:
            entry = _ENTRY.validate_json(content)
        except ValidationError:
            entry = None
        if entry is None or not _is_of(name, entry):
            raise UsageError(
                f"{self.address}/{name}.json is not what `harness baseline set` writes.",
                hint=f"Set it again: harness baseline set RUN --name {name} --store {self.address}",
            )
        return entry

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Say in one line what went wrong, whatever the package behind the URL raises."""
        try:
            yield
        except UsageError:
            raise
        except OSError as error:
            raise UsageError(f"{self.address} cannot be {what}: {reason(error)}.") from None
        except Exception as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise UsageError(f"{self.address} cannot be {what}: {words}.") from None


def _is_of(name: str, entry: _Entry) -> bool:
    """Whether an entry speaks of a name, and of plain files in a folder that is that name's."""
    # The folder is removed when the name is set again.
    own = entry.baseline.name == name and entry.folder.startswith(f"{name}-")
    return own and all(map(is_file_name, (entry.folder, *entry.files)))


def _is_entry(path: str) -> bool:
    name = Path(path).name
    return name.endswith(".json") and NAME.fullmatch(name.removesuffix(".json")) is not None
