"""What is right in a row: one of the task's labels, one of the row's options, or a reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.core.errors import UsageError, nearest_hint
from harness.core.records import Example
from harness.grading import AnswerSpec, Grader, LabelSet, make_grader, reference_texts
from harness.tasks.checks import shorten
from harness.tasks.choices import LETTERS, read_gold, read_options, show_choices
from harness.tasks.schema import ChoicesSpec, TaskSpec
from harness.tasks.template import Template

Fields = Mapping[str, object]
Place = Callable[[int], str]
"""Where the row of a place from 0 stands, for messages."""


class GoldReader(Protocol):
    """Reads what is right in the rows of one task."""

    def check(self, fields: Fields, place: int) -> None:
        """Raises UsageError where nothing is right in the row of that place."""

    def make(self, identity: str, fields: Fields, place: int) -> Example:
        """The example of a row that was checked.

        Raises:
            UsageError: the template fails.
        """


def make_gold_reader(spec: TaskSpec, template: Template, path: Path, where: Place) -> GoldReader:
    """The reader of a task's kind.

    Args:
        spec: The task file's content.
        template: Its compiled input template.
        path: The task file, for messages.
        where: Where rows stand, for messages.
    """
    if spec.choices is not None:
        return _Choices(spec.choices, template, where)
    if spec.grading is not None:
        return _References(spec.grading, make_grader(spec.grading), template, where)
    names = {key: label.name for label in spec.labels for key in label.keys}
    return _Labels(spec.label_field, names, template, path)


@dataclass(frozen=True, slots=True)
class _Labels:
    field: str
    names: Mapping[str, str]
    """What a row says of its label -> the label's name."""
    template: Template
    path: Path

    def check(self, fields: Fields, place: int) -> None:
        if self.field not in fields:
            has = ", ".join(sorted(fields)) or "no fields"
            raise UsageError(
                f"{self.path}: label_field names {self.field!r}, which row {place + 1} does not "
                f"have; it has {has}.{nearest_hint(self.field, fields)}"
            )
        value = str(fields[self.field])
        if value not in self.names:
            raise UsageError(
                f"{self.path}: row {place + 1} has the label {shorten(value, 60)!r}, which is not "
                f"among the labels ({shorten(', '.join(self.names), 200)})."
                f"{nearest_hint(value, self.names)}"
            )

    def make(self, identity: str, fields: Fields, place: int) -> Example:
        text = self.template.render(fields, row=f"row {place + 1}")
        gold = self.names[str(fields[self.field])]
        return Example(id=identity, fields=fields, input=text, gold=gold)


@dataclass(frozen=True, slots=True)
class _Choices:
    spec: ChoicesSpec
    template: Template
    where: Place

    def check(self, fields: Fields, place: int) -> None:
        if self.spec.gold not in fields:
            near = nearest_hint(self.spec.gold, fields)
            raise UsageError(
                f"{self.where(place)} lacks the field {self.spec.gold!r}, which says what is "
                f"right.{near}"
            )
        try:
            self._gold(fields)
        except ValueError as error:
            raise UsageError(f"{self.where(place)} {error}.") from None

    def _gold(self, fields: Fields) -> int:
        return read_gold(fields[self.spec.gold], read_options(fields, self.spec))

    def make(self, identity: str, fields: Fields, place: int) -> Example:
        shown = show_choices(self.template, fields, self.spec, row=f"row {place + 1}")
        return Example(
            id=identity,
            fields=fields,
            input=shown.input,
            gold=LETTERS[self._gold(fields)],
            words=shown.words,
            options=shown.options,
        )


@dataclass(frozen=True, slots=True)
class _References:
    spec: AnswerSpec
    grader: Grader
    template: Template
    where: Place

    def check(self, fields: Fields, place: int) -> None:
        references = reference_texts(fields.get(self.spec.field))
        if not references and self.grader.problem(()) is not None:
            near = "" if self.spec.field in fields else nearest_hint(self.spec.field, fields)
            raise UsageError(
                f"{self.where(place)} has no reference in the field {self.spec.field!r}.{near}",
                hint="Every row needs one; `answer: {field: NAME}` says where it stands.",
            )
        problem = self.grader.problem(references)
        if problem is not None:
            raise UsageError(f"{self.where(place)} cannot be graded: {problem}.")

    def make(self, identity: str, fields: Fields, place: int) -> Example:
        references = reference_texts(fields.get(self.spec.field))
        text = self.template.render(fields, row=f"row {place + 1}")
        gold = (references or ("",))[0]
        if isinstance(labels := self.spec.grader, LabelSet):
            gold = ", ".join(labels.gold(references)) or labels.none
        return Example(identity, fields, text, gold, references=references)
