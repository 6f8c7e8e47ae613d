"""What is wrong with the rows of a task: every kind of fault once, with the rows that have it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.authoring.problem import Problem
from harness.core.errors import UsageError
from harness.tasks.choices import BLOCK
from harness.tasks.examples import ExampleReader
from harness.tasks.rows import Row
from harness.tasks.schema import Source, TaskSpec
from harness.tasks.template import Template

_NAMED: Final = 5
"""Rows that a problem names."""
_ROW: Final = re.compile(r"\brow \d+\b")


def find_row_problems(
    spec: TaskSpec, rows: Sequence[Row], template: Template, path: Path, what: str
) -> Iterator[Problem]:
    """The faults of a task's rows, each kind once.

    Args:
        spec: The task file's content.
        rows: The rows of its source, or of its few-shot examples.
        template: Its compiled input template.
        path: The task file.
        what: What the rows are, for messages.
    """
    found: dict[str, list[int]] = defaultdict(list)
    # Of no file: a fault then names its row, not its line, and is one with its like.
    reader = ExampleReader(spec, Source(rows=({},)), template, path, None)
    for index, row in enumerate(rows):
        for message in dict.fromkeys(_faults(reader, row, index)):
            found[message].append(index + 1)
    for message, places in found.items():
        yield Problem("error", _places(what, places), message)
    yield from _repeated_ids(spec, rows, what)


def _faults(reader: ExampleReader, row: Row, index: int) -> Iterator[str]:
    """What keeps a row from being an example, and its input from being shown."""
    for attempt in (
        lambda: reader.make(row, index),
        lambda: reader.template.render(
            {BLOCK: "", **reader.fields(row, index)}, row=f"row {index + 1}"
        ),
    ):
        try:
            attempt()
        except UsageError as error:
            message = error.message.removeprefix(f"{reader.path}: ")
            yield _ROW.sub("a row", f"{message} {error.hint}" if error.hint else message)


def _repeated_ids(spec: TaskSpec, rows: Sequence[Row], what: str) -> Iterator[Problem]:
    if spec.id_field is None:
        return
    places: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows, 1):
        if (identity := row.get(spec.id_field)) is not None:
            places[str(identity)].append(number)
    for identity, numbers in places.items():
        if len(numbers) > 1:
            message = f"one id of field {spec.id_field!r}, {identity!r}; ids must be unique."
            yield Problem("error", _places(what, numbers), message)


def _places(what: str, numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:_NAMED]))
    more = f" and {len(numbers) - _NAMED:,} more" if len(numbers) > _NAMED else ""
    return f"{what} {named}{more}"
