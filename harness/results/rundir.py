"""A run is a directory: manifest, variants, samples and summary, written so that a kill is safe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.core.atomic import reason, remove_parts, write_json, write_text
from harness.core.errors import IncompleteRunError, UsageError, nearest_hint
from harness.core.records import Example, LeftOut, Variant, stable_id
from harness.core.sqlite import delete_database
from harness.results.jsonfiles import Json, describe_kind, read_json, read_jsonl
from harness.results.manifest import (
    SAMPLES,
    check_manifest,
    check_seal,
    is_sealed_file,
    seal,
)
from harness.results.resume import created_of
from harness.results.store import (
    COMPACT_COLUMNS,
    SampleStore,
    read_draws,
    read_priors,
    read_said,
    read_samples,
    settle,
)
from harness.results.summary import Summary
from harness.results.summary_file import read_summary
from harness.results.variants_file import read_variants

if TYPE_CHECKING:
    import pandas as pd

INPUT_LIMIT = 500
"""Characters of an example's input that a run keeps, for reports."""
EXAMPLE_COLUMNS = ("task", "id", "gold", "input", "hash")
VARIANT_COLUMNS = ("id", "task", "level", "perturbation", "instruction_id", "text")
"""What every row of variants.jsonl must hold; it holds more."""


class HasExamples(Protocol):
    """What is read of a task to keep its examples."""

    @property
    def name(self) -> str:
        """The task's."""
        ...

    @property
    def examples(self) -> tuple[Example, ...]:
        """In the order in which they are kept."""
        ...


@dataclass(frozen=True)
class Run:
    """A run on disk. Frames are read when first asked for."""

    path: Path

    @cached_property
    def manifest(self) -> Json:
        """The content of run.json."""
        return read_json(self.path / "run.json")

    @cached_property
    def summary(self) -> Summary:
        """summary.json: metrics by level, task and perturbation.

        Raises:
            UsageError: the run has not been finished, or the file is damaged.
        """
        return read_summary(self.path / "summary.json")

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The perturbations that a level of this run lacks, and why."""
        return tuple(LeftOut(**row) for row in self.manifest.get("left_out", ()))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row per variant, as in variants.jsonl."""
        import pandas as pd

        path = self.path / "variants.jsonl"
        rows = list(read_jsonl(path))
        _check_variants(rows, path)
        return pd.DataFrame(rows)

    @cached_property
    def variant_records(self) -> tuple[Variant, ...]:
        """The variants as records, in the order of variants.jsonl."""
        return read_variants(self.path / "variants.jsonl")

    @cached_property
    def examples(self) -> pd.DataFrame:
        """One row per example: task, id, gold label, start of its input, hash of its content."""
        import pandas as pd

        path = self.path / "examples.jsonl"
        rows = list(read_jsonl(path))
        _check_rows(rows, EXAMPLE_COLUMNS, path)
        return pd.DataFrame(rows, columns=list(EXAMPLE_COLUMNS))

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row a scored cell, with scores and generated text."""
        return read_samples(self.path / "samples.sqlite", (*COMPACT_COLUMNS, "scores", "text"))

    @cached_property
    def draws(self) -> pd.DataFrame | None:
        """One row per draw of a sampled cell; None where answers were not sampled."""
        if not self.manifest["config"].get("temperature"):
            return None
        return read_draws(self.path / "samples.sqlite")

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

    @property
    def priors(self) -> dict[str, dict[str, float]]:
        """Variant -> label -> its log-probability without content, of those measured."""
        return read_priors(self.path / "samples.sqlite")

    def said(self, limit: int, length: int) -> dict[tuple[str, str], str]:
        """(variant id, example id) -> the start of what was generated there, of `limit` cells."""
        return read_said(self.path / "samples.sqlite", limit, length)


class RunDirectory:
    """The writing side of a run, or of another job that keeps a manifest and can be resumed."""

    def __init__(self, path: Path, manifest: str = "run.json") -> None:
        self.path = path
        self._manifest = manifest

    def open(self, manifest: Json, *, fresh: bool) -> Json:
        """Start a run here, or resume the one that is here; returns the manifest to go on with.

        The folder is there: `lock_folder` has made it.

        Raises:
            UsageError: a run of another configuration is here, or the folder holds other things.
        """
        remove_parts(self.path)
        existing = self.path / self._manifest
        if fresh and existing.is_file():
            self._clear()
        elif existing.is_file():
            there = read_json(existing)
            self._check_store(there)
            return {**manifest, "created": created_of(there, manifest, self.path)}
        elif any(self.path.iterdir()):
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

    def write_examples(self, tasks: Iterable[HasExamples]) -> None:
        """Write examples.jsonl."""
        rows = (
            (task.name, e.id, e.gold, e.input[:INPUT_LIMIT], example_hash(e))
            for task in tasks
            for e in task.examples
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

    def finish(self, manifest: Json) -> None:
        """Write the manifest of a finished run, sealed over the files that stand beside it.

        Raises:
            IncompleteRunError: it cannot be written, or another program keeps the samples open.
        """
        settle(self.path / SAMPLES)
        self.write_json(self._manifest, seal(manifest, self.path))

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
        """Remove what is here, so that a kill on the way leaves a run that can be started again.

        The manifest stays until the new one takes its place: a folder without one is nobody's.
        """
        with suppress(UsageError):  # one that cannot be read is no finished run anyway
            there = read_json(self.path / self._manifest)
            self.write_json(self._manifest, {**there, "status": "incomplete"})
        for name in ("summary.json", "variants.jsonl", "examples.jsonl", "explanation.json"):
            (self.path / name).unlink(missing_ok=True)
        for report in self.path.glob("report.*"):
            report.unlink()
        for store in ("samples.sqlite", "queries.sqlite", "attributions.sqlite"):
            delete_database(self.path / store)

    def _check_store(self, there: Json) -> None:
        """Refuse to build on the samples of a finished run that were changed since."""
        store = self.path / SAMPLES
        if there.get("files") and store.is_file() and not is_sealed_file(there, store):
            raise UsageError(
                f"{store} was changed after its run had ended.",
                hint="Type: --fresh to start this run over.",
            )


def load_run(path: str | Path, *, partial: bool = False) -> Run:
    """The run in a directory, checked before it is believed.

    Args:
        path: the run directory.
        partial: take a run that is not finished as it is.

    Returns:
        The run. A finished one holds the very files that it wrote.

    Raises:
        UsageError: no run there (the message offers the nearest directory that is one), one of
            another schema version, or one whose files are damaged, missing or another run's.
        IncompleteRunError: the run is not finished.
    """
    run = Run(Path(path))
    if not (run.path / "run.json").is_file():
        raise _no_run_at(run.path)
    check_manifest(run.manifest, run.path)
    if run.manifest["status"] == "complete":
        check_seal(run.manifest, run.path)
    elif not partial:
        raise IncompleteRunError(
            f"{run.path} is not finished: its status is {run.manifest['status']!r}.",
            hint=f"It resumes by its own command: {run.manifest['command']} "
            "(`harness export --partial` takes what is there).",
        )
    return run


def _no_run_at(path: Path) -> UsageError:
    inside = sorted(str(found.parent) for found in path.glob("*/run.json") if found.is_file())
    if inside:
        more = f" and {len(inside) - 3} more" if len(inside) > 3 else ""
        return UsageError(
            f"{path} is not a run directory (no run.json).",
            hint=f"It holds runs, which are given one by one: {' '.join(inside[:3])}{more}",
        )
    runs = [found.parent.name for found in path.parent.glob("*/run.json") if found.is_file()]
    return UsageError(
        f"{path} is not a run directory (no run.json).{nearest_hint(path.name, runs)}",
        hint="A run is made by: harness run --model MODEL --out DIR.",
    )


def example_hash(example: Example) -> str:
    """A hash of what an example asks: its whole input, its options and what is right."""
    said = (text for turn in example.turns for text in (turn.role, turn.content))
    return stable_id(
        example.input, example.gold, *example.words.values(), *example.references, *said
    )


def variant_row(variant: Variant) -> Json:
    """A variant as a row of variants.jsonl."""
    row = asdict(variant)
    if not variant.system:
        del row["system"]
    return row


def _check_variants(rows: Sequence[Json], path: Path) -> None:
    _check_rows(rows, VARIANT_COLUMNS, path)
    tasks: dict[str, str] = {}
    for row in rows:
        first = tasks.setdefault(row["id"], row["task"])
        if first != row["task"]:
            raise UsageError(
                f"{path}: the variant id {row['id']!r} stands in two tasks, {first!r} and "
                f"{row['task']!r}, so its samples belong to neither.",
                hint="Give each variant an id of its own, and run again.",
            )


def _check_rows(rows: Sequence[Json], columns: Sequence[str], path: Path) -> None:
    for number, row in enumerate(rows, 1):
        for name in columns:
            if not isinstance(row.get(name), str):
                raise UsageError(
                    f"{path}, line {number}: {name!r} must be a string, not "
                    f"{describe_kind(row[name]) if name in row else 'missing'}."
                )
