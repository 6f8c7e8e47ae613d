"""A run is a directory: manifest, variants, samples and summary, written so that a kill is safe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.atomic import reason, write_json, write_text
from harness.core.errors import IncompleteRunError, UsageError, nearest_hint
from harness.core.records import LeftOut, Variant
from harness.results.store import COMPACT_COLUMNS, SampleStore, read_samples

if TYPE_CHECKING:
    import pandas as pd

    from harness.tasks.task import Task

SCHEMA_VERSION = 1
INPUT_LIMIT = 500
"""Characters of an example's input that a run keeps, for reports."""
EXAMPLE_COLUMNS = ("task", "id", "gold", "input")

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A run on disk. Frames are read when first asked for."""

    path: Path

    @cached_property
    def manifest(self) -> Json:
        """The content of run.json."""
        return read_json(self.path / "run.json")

    @cached_property
    def summary(self) -> Json:
        """The content of summary.json: metrics by level, task and perturbation.

        Raises:
            UsageError: the run has not been finished.
        """
        return read_json(self.path / "summary.json")

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The perturbations that a level of this run lacks, and why."""
        return tuple(LeftOut(**row) for row in self.manifest.get("left_out", ()))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row a variant, as in variants.jsonl."""
        import pandas as pd

        return pd.DataFrame(list(read_jsonl(self.path / "variants.jsonl")))

    @cached_property
    def examples(self) -> pd.DataFrame:
        """One row an example: its task, id and gold label, and the start of its input.

        Empty for a run of a version that kept no inputs.
        """
        import pandas as pd

        path = self.path / "examples.jsonl"
        rows = list(read_jsonl(path)) if path.is_file() else []
        return pd.DataFrame(rows, columns=list(EXAMPLE_COLUMNS))

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row a scored cell, with scores and generated text."""
        return read_samples(self.path / "samples.sqlite", (*COMPACT_COLUMNS, "scores", "text"))

    @property
    def compact_samples(self) -> pd.DataFrame:
        """`samples` without scores and text: what tables need, in little memory."""
        return read_samples(self.path / "samples.sqlite")

    @property
    def scored_samples(self) -> pd.DataFrame:
        """`compact_samples` with the labels' log-likelihoods as columns of single precision."""
        from harness.results.scored_samples import read_scored_samples

        labels = {name: task["labels"] for name, task in self.manifest["tasks"].items()}
        return read_scored_samples(self.path / "samples.sqlite", labels)


class RunDirectory:
    """The writing side of a run, or of another job that keeps a manifest and can be resumed."""

    def __init__(self, path: Path, manifest: str = "run.json") -> None:
        self.path = path
        self._manifest = manifest

    def open(self, manifest: Json, *, fresh: bool) -> Json:
        """Start a run here, or resume the one that is here; gives the manifest to go on with.

        The folder is there: `lock_folder` has made it.

        Raises:
            UsageError: a run of another configuration is here, or the folder holds other things.
        """
        existing = self.path / self._manifest
        if fresh and existing.is_file():
            self._clear()
        if existing.is_file():
            return {**manifest, "created": _resume(read_json(existing), manifest, self.path)}
        if any(self.path.iterdir()):
            raise UsageError(
                f"{self.path} holds files and no {self._manifest}: nothing to resume is there.",
                hint="Type: --out with a new folder.",
            )
        self.write_json(self._manifest, manifest)
        return manifest

    def write_json(self, name: str, content: Json) -> None:
        """Write a JSON file at once: a reader sees the old content or the new, never a part."""
        with self._explained(name) as target:
            write_json(target, content)

    def write_variants(self, variants: Iterable[Variant]) -> None:
        """Write variants.jsonl."""
        lines = (json.dumps(variant_row(v), ensure_ascii=False) + "\n" for v in variants)
        self.write_text("variants.jsonl", lines)

    def write_examples(self, tasks: Iterable[Task]) -> None:
        """Write examples.jsonl."""
        rows = (
            (task.name, example.id, example.gold, example.input[:INPUT_LIMIT])
            for task in tasks
            for example in task.examples
        )
        lines = (
            json.dumps(dict(zip(EXAMPLE_COLUMNS, row, strict=True)), ensure_ascii=False) + "\n"
            for row in rows
        )
        self.write_text("examples.jsonl", lines)

    def write_text(self, name: str, text: str | Iterable[str]) -> None:
        """Write a text file at once.

        Raises:
            IncompleteRunError: the disk is full or the folder cannot be written.
        """
        with self._explained(name) as target:
            write_text(target, text)

    def samples(self) -> SampleStore:
        """The sample store of this run, opened for writing."""
        return SampleStore(self.path / "samples.sqlite")

    @contextmanager
    def _explained(self, name: str) -> Iterator[Path]:
        target = self.path / name
        try:
            yield target
        except OSError as error:
            raise IncompleteRunError(
                f"{target} cannot be written: {reason(error)}.",
                hint="Make room, then repeat the same command: it resumes.",
            ) from None

    def _clear(self) -> None:
        for name in (self._manifest, "variants.jsonl", "examples.jsonl", "summary.json"):
            (self.path / name).unlink(missing_ok=True)
        for store in ("samples.sqlite", "queries.sqlite"):
            for suffix in ("", "-wal", "-shm"):
                (self.path / f"{store}{suffix}").unlink(missing_ok=True)
        for report in self.path.glob("report.*"):
            report.unlink()


def load_run(path: str | Path) -> Run:
    """The run in a directory.

    Raises:
        UsageError: no run there (the message offers the nearest directory that is one), or one of
            another schema version.
    """
    run = Run(Path(path))
    if not (run.path / "run.json").is_file():
        parent = run.path.parent
        runs = [p.parent.name for p in parent.glob("*/run.json")] if parent.is_dir() else []
        raise UsageError(
            f"{run.path} is no run: it has no run.json.{nearest_hint(run.path.name, runs)}",
            hint="A run is made by: harness run --model MODEL --out DIR.",
        )
    version = run.manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{run.path} has the schema version {version}; this release reads {SCHEMA_VERSION}.",
            hint="Read it with the release that wrote it, or repeat its command with --fresh.",
        )
    return run


def variant_row(variant: Variant) -> Json:
    """A variant as a row of variants.jsonl."""
    return asdict(variant)


def read_jsonl(path: Path) -> Iterable[Json]:
    """The rows of a JSON Lines file that the harness wrote.

    Raises:
        UsageError: no such file, or a damaged line.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}.")
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise UsageError(f"{path}, line {number}: not JSON: {error.msg}.") from None


def _resume(existing: Json, wanted: Json, path: Path) -> str:
    different = [
        f"{key}: {_short(existing[part].get(key))} there, {_short(wanted[part].get(key))} now"
        for part in ("identity", "content")
        for key in {**existing.get(part, {}), **wanted[part]}
        if existing.get(part, {}).get(key) != wanted[part].get(key)
    ]
    if different:
        raise UsageError(
            f"{path} holds a run of another configuration ({'; '.join(different)}).",
            hint="Type: --fresh to start over, or --out with a new folder.",
        )
    created: str = existing["created"]
    return created


def read_json(path: Path) -> Json:
    """The content of a JSON file that the harness wrote.

    Raises:
        UsageError: no such file, or a damaged one.
    """
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{path} is missing: the run is not finished.",
            hint="Repeat its command: it resumes.",
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    return content


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"
