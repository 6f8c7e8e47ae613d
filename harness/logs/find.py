"""What was typed, as logs: which tool wrote a file, and which files a folder holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.logs.bounded import read_object
from harness.logs.helm import STATE, read_helm
from harness.logs.inspect_ai import read_inspect
from harness.logs.lm_eval import read_lm_eval, samples_beside
from harness.logs.promptfoo import read_promptfoo
from harness.logs.record import Log
from harness.results.jsonfiles import Json

READ = "lm-eval's samples_*.jsonl, inspect's .eval and .json, promptfoo's .json, HELM's run folders"
"""What can be read, as messages say it."""


def read_logs(paths: Sequence[Path]) -> tuple[Log, ...]:
    """The logs in files and folders, in their order.

    Raises:
        UsageError: one of them holds no log.
    """
    return tuple(log for path in paths for log in _read(path))


def _read(path: Path) -> list[Log]:
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise UsageError(f"no file {path}.", hint=f"A log is {READ}, or the folder of such files.")
    if path.suffix == ".jsonl":
        return [read_lm_eval(path)]
    return [read_inspect(path)] if path.suffix == ".eval" else _read_json(path)


def _read_json(path: Path) -> list[Log]:
    content, _ = read_object(path)
    for is_such, read in _JSON:
        if is_such(content):
            return read(path)
    raise UsageError(f"{path} is no log that is known.", hint=f"What is read: {READ}.")


def _read_folder(folder: Path) -> list[Log]:
    """The logs in a folder, or in the folders below it, one level down."""
    for pattern in ("", "*/"):
        samples = sorted(folder.glob(f"{pattern}samples_*.jsonl"))
        if samples:
            return [read_lm_eval(one) for one in samples]
        if logs := sorted(folder.glob(f"{pattern}*.eval")):
            return [read_inspect(one) for one in logs]
        if states := sorted(folder.glob(f"{pattern}{STATE}")):
            return [log for one in states for log in read_helm(one.parent)]
    raise UsageError(f"{folder} holds no log.", hint=f"What is read: {READ}.")


def _is_lm_eval(content: Json) -> bool:
    return {"results", "configs"} <= set(content) and isinstance(content["configs"], dict)


def _is_promptfoo(content: Json) -> bool:
    results = content.get("results")
    return isinstance(results, dict) and "results" in results


def _is_inspect(content: Json) -> bool:
    return {"version", "eval"} <= set(content) and isinstance(content["eval"], dict)


def _read_samples(results: Path) -> list[Log]:
    found = samples_beside(results)
    if not found:
        raise UsageError(
            f"{results} holds lm-eval's totals alone: no samples_*.jsonl of its date is beside it.",
            hint="They are written by: lm_eval run ... --log_samples",
        )
    return [read_lm_eval(one) for one in found]


_JSON: Final[tuple[tuple[Callable[[Json], bool], Callable[[Path], list[Log]]], ...]] = (
    (_is_inspect, lambda path: [read_inspect(path)]),
    (_is_promptfoo, read_promptfoo),
    (lambda content: "request_states" in content, lambda path: read_helm(path.parent)),
    (_is_lm_eval, _read_samples),
)
"""How a JSON file's tool is told by its keys, and who reads it."""
