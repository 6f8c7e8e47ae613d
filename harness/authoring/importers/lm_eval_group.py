"""Groups of lm-eval: files that name tasks, and hold none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.authoring.importers.carried import ForeignFile
from harness.authoring.importers.foreign_yaml import read_foreign
from harness.core.errors import UsageError

_NAMED: Final = 8
"""Members that a message names."""


def refuse_group(file: ForeignFile) -> None:
    """Validate that a file is no group.

    Raises:
        UsageError: it is one; the message names its members' files, and what to type.
    """
    if "group" not in file.content or not isinstance(file.content.get("task"), list):
        return
    members = list(_members(file.content["task"]))
    found = _files_beside(file.path, members)
    shown = [str(found.get(name, f"{name} (no file beside it)")) for name in members[:_NAMED]]
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    first = next(iter(found.values()), Path("FILE"))
    raise UsageError(
        f"{file.path} is a group of lm-eval, not a task: {', '.join(shown)}{more}.",
        hint=f"Type: harness import-task {first}, and so for each. A run takes them together: "
        "harness run --task A.yaml --task B.yaml",
    )


def _members(tasks: Sequence[object]) -> Iterator[str]:
    """The names of a group's tasks, those of groups within it too."""
    for one in tasks:
        name = one.get("task", one.get("group")) if isinstance(one, Mapping) else one
        if isinstance(name, list):
            yield from _members(name)
        elif name is not None:
            yield str(name)


def _files_beside(group: Path, names: Sequence[str]) -> dict[str, Path]:
    """Name of a task -> its file, of those in the group's folder."""
    found: dict[str, Path] = {}
    for path in sorted(group.parent.glob("*.y*ml")):
        try:
            name = read_foreign(path, what="configuration").content.get("task")
        except UsageError:
            continue
        if isinstance(name, str) and name in names:
            found.setdefault(name, path)
    return {name: found[name] for name in names if name in found}
