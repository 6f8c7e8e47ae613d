"""Reads one run directory into what the history keeps of it. Nothing in it ends in a traceback."""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from harness.core.errors import HarnessError, IncompleteRunError, UsageError
from harness.core.sqlite import open_to_read
from harness.history.entry import ExampleScores, Measure, ReadRun, RunEntry, State
from harness.history.find import MANIFEST
from harness.results.jsonfiles import Json, read_json, read_jsonl
from harness.results.kinds import own_scorers
from harness.results.manifest import SAMPLES
from harness.results.rundir import Run, load_run
from harness.results.summary import GroupStats, Summary

_DAMAGES: Final = (OSError, sqlite3.Error, ValueError, TypeError, KeyError, AttributeError)
"""What foreign or damaged content of a run may raise where it is read unchecked."""
_SCORES: Final = (
    "SELECT task, level, example_id, avg(score), count(*) FROM samples WHERE scorer = ? "
    "GROUP BY task, level, example_id ORDER BY task, level, example_id"
)


def read_run(folder: Path) -> ReadRun:
    """Read a run directory, whatever is in it.

    Returns:
        The run; one that is not finished or not what it says is an entry with the reason.
    """
    try:
        run = load_run(folder)
        return ReadRun(_finished(run), tuple(_scores(run)))
    except IncompleteRunError as error:
        return ReadRun(_not_finished(folder, "unfinished", error))
    except (HarnessError, *_DAMAGES) as error:
        return ReadRun(_not_finished(folder, "broken", error))


def _finished(run: Run) -> RunEntry:
    summary = run.summary
    return RunEntry(
        path=str(run.path),
        state="finished",
        seal=str(run.manifest["seal"]),
        scorer=summary.scorer,
        confidence=summary.confidence,
        cells=int(run.manifest["samples"]),
        measures=tuple(_measures(summary)),
        **_said(run.manifest),
    )


def _not_finished(folder: Path, state: State, error: Exception) -> RunEntry:
    message = error.message if isinstance(error, HarnessError) else f"{type(error).__name__}"
    reason = _text(message.replace(f"{folder}/", "").removeprefix(f"{folder} ").rstrip("."))
    try:
        manifest = read_json(folder / MANIFEST)
        said = _said(manifest)
    except (UsageError, *_DAMAGES):
        return RunEntry(path=str(folder), state=state, reason=reason)
    if not {"run_id", "schema_version"} & set(manifest):
        reason = "its run.json is another program's"
    return RunEntry(path=str(folder), state=state, reason=reason, **said)


def _said(manifest: Json) -> Json:
    """What run.json says of a run, as far as it is of the type that it must have."""
    model, tasks, seed = (manifest.get(name) for name in ("model", "tasks", "seed"))
    return {
        "run_id": _text(manifest.get("run_id", "")),
        "model": _text(model.get("name", "")) if isinstance(model, Mapping) else "",
        "date": _date(manifest.get("finished")) or _date(manifest.get("created")),
        "seed": seed if isinstance(seed, int) else None,
        "tasks": tuple(map(_text, tasks)) if isinstance(tasks, Mapping) else (),
    }


def _text(value: object) -> str:
    """A value of a file as text that can be stored: half surrogates are escaped."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _date(written: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(written))
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _measures(summary: Summary) -> Iterator[Measure]:
    names = {task.metric for task in summary.tasks.values()}
    common = names.pop() if len(names) == 1 else "score"
    for level, stats in summary.levels.items():
        yield _measure(None, level, common, stats)
    for name, task in summary.tasks.items():
        for level, stats in task.levels.items():
            yield _measure(name, level, task.metric, stats)


def _measure(task: str | None, level: str, metric: str, stats: GroupStats) -> Measure:
    return Measure(task, level, metric, stats.accuracy, stats.drop, stats.cells, stats.examples)


def _scores(run: Run) -> Iterator[ExampleScores]:
    if run.manifest["design"]["share"] < 1:
        return
    asked = _asked(run)
    rows = _rows(run)
    for (task, level), of_level in groupby(rows, key=lambda row: row[:2]):
        _, _, examples, means, counts = zip(*of_level, strict=True)
        cells = asked[task, level].copy()
        _update(cells, map(str, (*examples, *counts)))
        yield ExampleScores(task, level, cells.digest(), array("f", means).tobytes())


def _rows(run: Run) -> list[tuple[str, str, str, float, int]]:
    """Task, level, example, mean score and cells, of the scorer that each task is read by."""
    with closing(open_to_read(run.path / SAMPLES)) as db:
        known = set(db.execute("SELECT DISTINCT task, scorer FROM samples"))
        readers = _readers(run, known)
        rows = [
            row
            for scorer in sorted(set(readers.values()))
            for row in db.execute(_SCORES, (scorer,))
            if readers.get(row[0]) == scorer
        ]
    return sorted(rows, key=lambda row: row[:3])


def _readers(run: Run, known: set[tuple[str, str]]) -> dict[str, str]:
    """Task -> the scorer of the summary's numbers: the primary one, or else the task's own."""
    own = own_scorers(run.manifest["tasks"])
    readers = {}
    for task in run.manifest["tasks"]:
        able = (run.summary.scorer, *own.get(task, ()))
        chosen = next((one for one in able if (task, one) in known), None)
        if chosen is not None:
            readers[task] = chosen
    return readers


def _asked(run: Run) -> dict[tuple[str, str], hashlib.blake2b]:
    """(task, level) -> a hash, begun, of the texts of its variants and of the task's examples."""
    examples: dict[str, list[str]] = {}
    variants: dict[tuple[str, str], list[str]] = {}
    for row in read_jsonl(run.path / "examples.jsonl"):
        examples.setdefault(row["task"], []).append(f"{row['id']}\0{row['hash']}")
    for row in read_jsonl(run.path / "variants.jsonl"):
        text = f"{row['instruction_id']}\0{row.get('system', '')}\0{row['text']}"
        variants.setdefault((row["task"], row["level"]), []).append(text)
    begun = {}
    for (task, level), texts in variants.items():
        begun[task, level] = hashlib.blake2b(digest_size=16)
        _update(begun[task, level], [*sorted(texts), "", *sorted(examples.get(task, []))])
    return begun


def _update(digest: hashlib.blake2b, texts: Iterable[str]) -> None:
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
