"""The run directory of imported logs: the files that a run of ours has, sealed in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.core.lock import lock_folder
from harness.core.names import folder_name
from harness.core.records import in_scorer_order
from harness.core.timestamp import timestamp
from harness.logs.arrange import ImportedTask
from harness.logs.record import Log, LogFile
from harness.metrics.summary import summarize_run
from harness.results.jsonfiles import Json
from harness.results.manifest import SCHEMA_VERSION
from harness.results.provenance import package_versions, run_id
from harness.results.rundir import Run, RunDirectory

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """What a run is made of."""

    tasks: tuple[ImportedTask, ...]
    logs: tuple[Log, ...]
    grouped: Mapping[str, Sequence[Log]]
    """Task -> its logs."""
    lost: tuple[str, ...]
    command: str

    @property
    def first(self) -> Log:
        """The log that speaks for all where they are alike."""
        return self.logs[0]

    @property
    def files(self) -> tuple[LogFile, ...]:
        """Every file that was read, once."""
        return tuple(dict.fromkeys(file for log in self.logs for file in log.files))

    @property
    def cells(self) -> int:
        """Scored cells."""
        return sum(len(task.samples) for task in self.tasks)


def write_run(imported: ImportedRun, *, out: Path | None, fresh: bool) -> Run:
    """Write the run's directory; the same logs again leave the same run.

    Args:
        imported: what the run is made of.
        out: its directory; default: below `runs`, named after model, tasks and content.
        fresh: write over a run that is there.

    Returns:
        The sealed run.

    Raises:
        UsageError: another run is there, or the folder holds other things.
        IncompleteRunError: it cannot be written.
    """
    manifest = _manifest(imported)
    folder = out or _folder(imported, manifest["run_id"])
    with lock_folder(folder):
        directory = RunDirectory(folder)
        manifest = directory.open(manifest, fresh=fresh)
        directory.write_json("run.json", manifest)
        directory.write_variants(v for task in imported.tasks for v in task.variants)
        directory.write_examples(imported.tasks)
        with directory.samples() as store:
            for task in imported.tasks:
                store.write(task.samples)
        directory.write_json("summary.json", summarize_run(Run(folder)).to_json())
        directory.finish({**manifest, "status": "complete", "finished": timestamp()})
    return Run(folder)


def _folder(imported: ImportedRun, name: str) -> Path:
    words = (Path(imported.first.model).name, "-".join(task.name for task in imported.tasks))
    return Path("runs") / "-".join([*filter(None, map(folder_name, words)), name])


def _manifest(imported: ImportedRun) -> Json:
    first = imported.first
    scorers = in_scorer_order({task.scorer for task in imported.tasks})
    identity: Json = {
        "tool": first.tool,
        "metrics": {task.name: task.metric for task in imported.tasks},
        "levels": {v.id: v.level for task in imported.tasks for v in task.variants},
    }
    content: Json = {
        "model": first.model,
        "tasks": {task.name: len(task.examples) for task in imported.tasks},
        "logs": sorted(file.sha256 for file in imported.files),
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id(identity, content),
        "status": "running",
        "command": imported.command,
        "created": timestamp(),
        "finished": None,
        "imported": {
            "tool": first.tool,
            "version": first.version,
            "files": [asdict(file) for file in imported.files],
        },
        "identity": identity,
        "content": content,
        "config": _config(imported.logs, scorers),
        "model": {"name": first.model, "kind": "imported"},
        "prompt_format": first.tool,
        "versions": {first.tool: first.version or "unknown", **_own_version()},
        "machine": {},
        "seed": 0,
        "design": _design(imported),
        "tasks": {task.name: _describe(task, imported) for task in imported.tasks},
        "timing": {"cells": 0, "seconds": 0.0, "cache_hits": 0},
        "precision": None,
        "left_out": [],
        "notes": list(imported.lost),
    }


def _config(logs: Sequence[Log], scorers: Sequence[str]) -> Json:
    """What a run's options would say of these logs; what is not known is null."""
    return {
        "model": logs[0].model,
        "scorers": list(scorers),
        "few_shot": _common([log.few_shot for log in logs]),
        "target": _common([log.target for log in logs if log.target != "instruction"])
        or "instruction",
        "temperature": _common([log.temperature for log in logs]) or 0,
        "repeats": 1,
        "seed": 0,
        "confidence": CONFIDENCE,
        "resamples": RESAMPLES,
    }


def _common(values: Sequence[object]) -> object:
    """The value that all have, else none."""
    return values[0] if values and len(set(values)) == 1 else None


def _design(imported: ImportedRun) -> Json:
    """All that the logs hold is all that was to be asked."""
    instructions = max(len({v.instruction_id for v in task.variants}) for task in imported.tasks)
    examples = max(len(task.examples) for task in imported.tasks)
    return {
        "share": 1.0,
        "cells": imported.cells,
        "full_cells": imported.cells,
        "instructions": instructions,
        "of_instructions": instructions,
        "examples": examples,
        "of_examples": examples,
        "layers": [],
    }


def _describe(task: ImportedTask, imported: ImportedRun) -> Json:
    log = imported.grouped[task.name][0]
    return {
        "description": "",
        "kind": task.kind,
        "metric": task.metric,
        "metrics": [],
        "order": [],
        "labels": list(task.labels),
        "label_words": list(task.labels),
        "answer_cue": "",
        "placement": None,
        "system": log.settings.get("system text", ""),
        "gap": None,
        "few_shot": [],
        "scoring": {"tool": log.tool, "metric": task.metric, **log.settings},
        "label_tokens": None,
        "chance": task.chance,
        "examples": len(task.examples),
        "example_ids": [example.id for example in task.examples],
        "instructions": len({variant.instruction_id for variant in task.variants}),
        "variants": len(task.variants),
        "cells": len(task.samples),
        "no_ops": {},
        "duplicates": {},
        "dissimilar": {},
        "rendered_prompt": task.prompt,
    }


def _own_version() -> dict[str, str]:
    return {
        name: version
        for name, version in package_versions().items()
        if name in ("robustness-harness", "python")
    }
