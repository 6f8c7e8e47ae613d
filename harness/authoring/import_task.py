"""From another program's file to task files of ours: which program's it is, and what is written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from harness.authoring.importers.carried import Carried, Lost, TaskContent
from harness.authoring.importers.foreign_yaml import read_foreign
from harness.authoring.importers.lm_eval import import_lm_eval
from harness.authoring.importers.lm_eval_group import refuse_group
from harness.authoring.importers.promptfoo import import_promptfoo
from harness.authoring.importers.samples import import_samples
from harness.authoring.init import check_free, save_draft
from harness.core.errors import UnknownNameError, UsageError
from harness.tasks.rows import kind_of
from harness.tasks.schema import TaskSpec
from harness.tasks.yamlfile import parse_content

FORMATS: Final = ("lm-eval", "promptfoo", "samples")
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "lm-eval": frozenset(("doc_to_text", "doc_to_target", "output_type", "dataset_path", "class")),
    "promptfoo": frozenset(("prompts", "providers", "tests", "defaultTest")),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written, and what was not carried over."""

    format: str
    paths: tuple[Path, ...]
    lost: tuple[Lost, ...]


def import_task(
    path: Path, *, out: Path | None = None, source: str | None = None, force: bool = False
) -> Imported:
    """Write the task of another program's file.

    Args:
        path: YAML of lm-eval, a promptfoo configuration, or JSON Lines of samples or chats.
        out: The task file; default: the task's name with .yaml, in the working directory.
        source: One of `FORMATS`; default: told by the file's keys.
        force: Overwrite a file that is there.

    Returns:
        The files, and line by line what was left behind.

    Raises:
        UsageError: the file is of no such program, or there is no task in what can be carried.
    """
    if source is not None and source not in FORMATS:
        raise UnknownNameError("format", source, FORMATS)
    carried = _read(path, source)
    if carried.blocking:
        reasons = "\n".join(f"  {describe_lost(one, path)}" for one in carried.blocking)
        raise UsageError(f"{path}: no task can be made of this {carried.format} file:\n{reasons}")
    paths = [_write(task, carried, path, out, force=force) for task in carried.tasks]
    return Imported(carried.format, tuple(paths), tuple(carried.lost))


def describe_lost(lost: Lost, path: Path) -> str:
    """One line on a part that is not carried over."""
    where = f"{path}, line {lost.line}: " if lost.line else ""
    return f"{where}{lost.what}: {lost.why}."


def _read(path: Path, source: str | None) -> Carried:
    if source == "samples" or (source is None and kind_of(path) == ".jsonl"):
        return import_samples(path)
    file = read_foreign(path, what="configuration")
    refuse_group(file)
    importers: dict[str, Callable[..., Carried]] = {
        "lm-eval": import_lm_eval,
        "promptfoo": import_promptfoo,
    }
    found = source or max(_KEYS, key=lambda name: len(_KEYS[name] & set(file.content)))
    if not _KEYS[found] & set(file.content):
        raise UsageError(
            f"{path}: neither lm-eval's keys ({', '.join(sorted(_KEYS['lm-eval']))}) nor "
            f"promptfoo's ({', '.join(sorted(_KEYS['promptfoo']))}) stand in it.",
            hint="Type: harness init-task DATA for a table of rows.",
        )
    return importers[found](file)


def _write(
    task: TaskContent, carried: Carried, path: Path, out: Path | None, *, force: bool
) -> Path:
    target = out or Path(f"{task['name']}.yaml")
    check_free(target, force=force)
    source: Mapping[str, Any] = task["source"]
    if "file" in source:
        beside = os.path.relpath((path.parent / source["file"]).resolve(), target.resolve().parent)
        task = {**task, "source": {**source, "file": Path(beside).as_posix()}}
    task = {key: value for key, value in task.items() if value not in ("", None)}
    # Checked before it is written: what cannot be read is no file.
    parse_content(json.loads(json.dumps(task, default=str)), TaskSpec, where=str(path))
    head = [f"# Imported from {path.name} ({carried.format})."]
    head += [f"# Not carried over: {_one_line(describe_lost(one, path))}" for one in carried.lost]
    body = yaml.dump(task, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96)
    save_draft(target, "\n".join(head) + "\n" + body)
    return target


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and no references between equal parts."""

    def ignore_aliases(self, data: object) -> bool:
        """Write equal parts out."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text.strip() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
