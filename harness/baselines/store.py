"""Baselines by name: what a store of them can do, and how what was typed becomes one.

A store is a folder, a URL that fsspec reads (s3://bucket/runs, gs://…), or a branch of a git
repository (git:robustness-baselines). What it returns is checked like any run: its seal must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from harness.core.atomic import reason
from harness.core.errors import IncompleteRunError, NothingToEvaluateError, UsageError, nearest_hint
from harness.results.manifest import SEALED
from harness.results.rundir import Run, load_run

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}")
MAIN: Final = "main"
"""What a baseline is called unless another name is given."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run in a store."""

    name: str
    run_id: str
    model: str
    bytes: int
    """Of all its files."""


class Store(Protocol):
    """A place that holds runs by name; setting a name again replaces its run at once."""

    @property
    def address(self) -> str:
        """What a user types to mean this store."""
        ...

    def list(self) -> Sequence[Baseline]:
        """What the store holds, by name; nothing where it does not exist yet."""
        ...

    def put(self, baseline: Baseline, files: Sequence[Path]) -> None:
        """Keep a run's files under a name."""
        ...

    def read(self, name: str) -> Iterator[tuple[str, bytes]]:
        """The name and content of each file of a run that the store holds."""
        ...


def open_store(address: str) -> Store:
    """The store that an address means.

    Args:
        address: a folder, a URL, or `git:BRANCH`.

    Raises:
        UsageError: no such kind of store, or a branch's name that git does not take.
    """
    if address.startswith("git:"):
        from harness.baselines.git_store import GitStore

        return GitStore.open(address)
    from harness.baselines.file_store import FileStore

    return FileStore.open(address)


def set_baseline(store: Store, run: Path, name: str = MAIN) -> Baseline:
    """Keep a finished run in a store.

    Args:
        store: where to.
        run: its directory.
        name: what to call it; a run that has the name is replaced.

    Returns:
        What the store holds now.

    Raises:
        UsageError: no finished run, a name that cannot be one, or a store that cannot be written.
    """
    check_name(name)
    loaded = load_run(run)
    files = _files(loaded)
    baseline = Baseline(
        name=name,
        run_id=str(loaded.manifest["run_id"]),
        model=str(loaded.manifest["model"]["name"]),
        bytes=sum(path.stat().st_size for path in files),
    )
    store.put(baseline, files)
    return baseline


def get_baseline(store: Store, out: Path, name: str = MAIN) -> Run:
    """Fetch a run from a store into a folder that is not there yet or is empty.

    Args:
        store: where from.
        out: the run directory to make.
        name: what the run is called.

    Raises:
        NothingToEvaluateError: the store holds no run of that name.
        UsageError: `out` holds something, or what was fetched is not what was kept.
        IncompleteRunError: `out` cannot be written.
    """
    check_name(name)
    held = {one.name: one for one in store.list()}
    if name not in held:
        there = f"it holds {', '.join(held)}" if held else "it is empty"
        raise NothingToEvaluateError(
            f"{store.address} holds no baseline {name!r}: {there}.{nearest_hint(name, held)}",
            hint=f"Type: harness baseline set RUN --name {name} --store {store.address}",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already.", hint="Type: --out with a new folder.")
    try:
        _fetch(store, held[name], out)
    except OSError as error:
        raise IncompleteRunError(f"{out} cannot be written: {reason(error)}.") from None
    return load_run(out)


def check_name(name: str) -> None:
    """Check that a name can be one of a baseline.

    Raises:
        UsageError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a baseline: letters, digits, '.', '_' and '-', the "
            "first a letter or digit, 80 at most.",
            hint=f"Type: --name {MAIN}",
        )


def is_file_name(name: str) -> bool:
    """Whether a store's word for a file is a plain name, and no way out of a folder."""
    return name != "" and Path(name).name == name and not name.startswith(".") and "\\" not in name


def _fetch(store: Store, wanted: Baseline, out: Path) -> None:
    """Write the files beside their place, then move them there at once."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        folder = Path(temporary) / "run"
        folder.mkdir()
        for file, content in store.read(wanted.name):
            if not is_file_name(file):
                raise UsageError(f"{store.address} holds a file {file!r}, which no run has.")
            (folder / file).write_bytes(content)
        fetched = load_run(folder).manifest["run_id"]
        if fetched != wanted.run_id:
            raise UsageError(
                f"{store.address} lists run {wanted.run_id} as {wanted.name!r}, and holds "
                f"{fetched} there.",
                hint=f"Set it again: harness baseline set RUN --name {wanted.name} "
                f"--store {store.address}",
            )
        if out.exists():
            out.rmdir()
        folder.rename(out)


def _files(run: Run) -> list[Path]:
    """What a run consists of; its reports can be made again from these."""
    return [run.path / name for name in ("run.json", *SEALED)]
