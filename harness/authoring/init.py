"""From a table to a task file: guess everything, write it down, say why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.authoring.draft import DraftSource, quoted, write_draft
from harness.authoring.file_form import GuessedForm, guess_form
from harness.authoring.guess import Guess, guess_columns
from harness.authoring.hub_table import is_hub_name, read_hub
from harness.authoring.table import Found, Table
from harness.core.atomic import reason, write_text
from harness.core.errors import UsageError
from harness.tasks.rows import FileForm, read_file
from harness.tasks.schema import TaskSpec
from harness.tasks.yamlfile import read_yaml


@dataclass(frozen=True, slots=True)
class Drafted:
    """A task file that was written, and what it was guessed from."""

    path: Path
    guess: Guess
    found: tuple[Found, ...]


def init_task(
    data: str,
    *,
    out: Path | None = None,
    label: str | None = None,
    answer: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    config: str | None = None,
    split: str | None = None,
    force: bool = False,
) -> Drafted:
    """Write a commented task file for a file of rows, or for a data set of the hub.

    Args:
        data: A .csv, .tsv, .json, .jsonl or .parquet file, plain or compressed; or OWNER/NAME.
        out: The task file; default: the data's name with .yaml, in the working directory.
        label: The column of labels; guessed if not given, as is everything else.
        answer: The column of free answers.
        separator: The character between the columns; guessed if not given.
        encoding: How characters are stored; guessed if not given.
        config: Part of a data set of the hub.
        split: Split of it; guessed if not given.
        force: Overwrite a file that is there.

    Returns:
        The path that was written, and what was guessed.

    Raises:
        UsageError: the data cannot be read or guessed from, or the file is there already.
    """
    path = Path(data)
    name = task_name(path)
    target = out or Path(f"{name}.yaml")
    check_free(target, force=force)
    table = (
        read_hub(data, config=config, split=split)
        if is_hub_name(data)
        else _read_table(path, target, separator=separator, encoding=encoding)
    )
    guess = guess_columns(table.rows, label=label, answer=answer, names=table.label_names)
    save_draft(target, write_draft(name, table.source, guess))
    return Drafted(target, guess, (*table.found, *_findings(guess)))


def task_name(path: Path) -> str:
    """A task's name made of a file's."""
    stem = path.name.split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:80] or "task"


def check_free(path: Path, *, force: bool) -> None:
    """Refuse to overwrite.

    Raises:
        UsageError: the file is there, and `force` is not set.
    """
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already, and nothing was written.",
            hint="Type: --force to overwrite it, or --out OTHER.yaml.",
        )


def save_draft(path: Path, text: str) -> None:
    """Write a task file, and read it back as a run would.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        write_text(path, [text])
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason(error)}.") from None
    read_yaml(path, TaskSpec, what="task")


def _read_table(path: Path, target: Path, *, separator: str | None, encoding: str | None) -> Table:
    form = guess_form(path, separator=separator, encoding=encoding)
    rows = read_file(path, form.form)
    return Table(rows, _file_source(path, target, form.form), tuple(_form_found(form)))


def _file_source(data: Path, target: Path, form: FileForm) -> DraftSource:
    beside = os.path.relpath(data.resolve(), target.resolve().parent)
    lines = [f"file: {quoted(Path(beside).as_posix())}"]
    if form.separator is not None:
        lines.append(f"separator: {quoted(form.separator)}")
    if form.encoding != "utf-8":
        lines.append(f"encoding: {quoted(form.encoding)}")
    return DraftSource(tuple(lines), data.name)


def _form_found(form: GuessedForm) -> Iterator[Found]:
    yield Found("encoding", form.form.encoding, form.encoding_reason)
    if form.separator_reason is not None:
        yield Found("separator", repr(form.form.separator or "\t"), form.separator_reason)


def _findings(guess: Guess) -> Iterator[Found]:
    yield Found("rows", f"{guess.rows:,}", "")
    yield Found("id", guess.id.names or "none", guess.id.reason)
    yield Found(guess.kind, guess.gold.names, guess.gold.reason)
    if guess.labels:
        counts = ", ".join(f"{label.value} {label.count:,}" for label in guess.labels)
        yield Found("classes", f"{len(guess.labels)}", counts)
    yield Found("input", guess.texts.names, guess.texts.reason)
