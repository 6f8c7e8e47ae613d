"""The task file in its two other forms: over the rows to train on, and with the test's wordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.hardening.split import Wording
from harness.tasks.schema import TaskSpec
from harness.tasks.suites import task_path
from harness.tasks.yamlfile import parse_content, parse_yaml, read_text, read_yaml

Content = dict[str, Any]

_OF_THE_FILE: Final = ("separator", "rows", "file", "data", "hub")
"""Keys of a source that say where its rows are, not which of them count."""


def read_content(name: str) -> tuple[Content, Path]:
    """The keys of a task's file, by the task's name or path, and where it is.

    Raises:
        UsageError: no such task, a file that is none, or one whose layout pairs cannot hold.
    """
    path = task_path(name)
    read_yaml(path, TaskSpec, what="task")
    _, content = parse_yaml(read_text(path, what="task"), where=str(path))
    keys = dict(content) if isinstance(content, Mapping) else {}
    if keys.get("messages") is not None:
        raise UsageError(
            f"{path} has 'messages', and pairs show an input, not a conversation: what is trained "
            "would not be what is asked.",
            hint="Take 'messages' out of a copy of the task file, and say in `input` how a "
            "conversation is shown.",
        )
    return keys, path


def over_rows(content: Mapping[str, Any], rows: Path) -> TaskSpec:
    """The task over other rows, which count by the same conditions and need no ids.

    Raises:
        UsageError: the content is no task's.
    """
    source = {k: v for k, v in content["source"].items() if k not in _OF_THE_FILE}
    changed = {**_plain(content), "source": {**source, "file": str(rows.resolve())}}
    return parse_content(changed, TaskSpec, where=str(rows))


def with_wordings(content: Mapping[str, Any], path: Path, wordings: Sequence[Wording]) -> Content:
    """The keys of a task file that asks the same rows in these wordings alone.

    Args:
        content: the keys of the task's file.
        path: that file; what it names relative to itself is named from anywhere.
        wordings: its instructions.
    """
    source = dict(content["source"])
    if source.get("file") is not None:
        source["file"] = str((path.parent / source["file"]).resolve())
    kept = {k: v for k, v in content.items() if k not in ("paraphrases", "few_shot")}
    instructions = [{"id": one.id, "style": one.style, "text": one.text} for one in wordings]
    return {**kept, "source": source, "instructions": instructions}


def _plain(content: Mapping[str, Any]) -> Content:
    """The keys without what rows of another file need not have."""
    return {k: v for k, v in content.items() if k not in ("id_field", "few_shot")}
