"""Task files of other tools, imported into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.authoring.import_task import Imported, describe_lost, import_task
from harness.tasks import Task, load_task


def imported(folder: Path, text: str, rows: Sequence[Mapping[str, Any]] = ()) -> Imported:
    """The YAML's task, its rows in the file that it names."""
    (folder / "theirs.yaml").write_text(text, encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    return import_task(folder / "theirs.yaml", out=folder / "ours.yaml", force=True)


def task_of(done: Imported) -> Task:
    """The task that was written."""
    return load_task(done.paths[0], data_dir=None)


def told(done: Imported) -> str:
    """What was said to be lost, a line each."""
    return "\n".join(describe_lost(one, Path("theirs.yaml")) for one in done.lost)
