"""What each column of a table is for: the id, the gold answer, the texts to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.authoring.columns import (
    ANSWER_NAMES,
    CHOICE_NAMES,
    LABEL_NAMES,
    MAX_LABELS,
    Column,
    columns_of,
    named,
)
from harness.core.errors import UnknownNameError, UsageError
from harness.tasks.rows import Row
from harness.tasks.schema import fold_word

Kind = Literal["labels", "choices", "answer"]


@dataclass(frozen=True, slots=True)
class Because:
    """Columns that were chosen, and why."""

    columns: tuple[Column, ...]
    reason: str

    @property
    def names(self) -> str:
        """The columns' names, as a list."""
        return ", ".join(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class DraftLabel:
    """A label as the rows have it."""

    value: str
    name: str
    word: str
    count: int
    also: tuple[str, ...] = ()
    """Other spellings of the value, by case or spaces alone."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a table's columns are for."""

    kind: Kind
    rows: int
    id: Because
    gold: Because
    texts: Because
    choices: Because | None = None
    labels: tuple[DraftLabel, ...] = ()

    @property
    def gold_column(self) -> Column:
        """The column with the right answers."""
        return self.gold.columns[0]

    @property
    def counts_from_one(self) -> bool:
        """Whether the right option is a number that counts from 1."""
        if self.choices is None:
            return False
        first = self.choices.columns[0].present[0]
        most = len(first) if isinstance(first, list) else len(self.choices.columns)
        given = set(self.gold_column.counts)
        return "0" not in given and str(most) in given and all(one.isdigit() for one in given)


def guess_columns(
    rows: Sequence[Row],
    *,
    label: str | None = None,
    answer: str | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Guess:
    """What each column is for.

    Args:
        rows: The table.
        label: The column of labels, where the user named it.
        answer: The column of free answers, where the user named it.
        names: Column -> what its whole numbers from 0 stand for, where the data say so.

    Raises:
        UnknownNameError: no such column.
        UsageError: both are named, no column can be a gold answer, or the labels are too many or
            one only.
    """
    columns = columns_of(rows)
    ids = _guess_id([one for name, one in columns.items() if name not in (label, answer)])
    free = [column for column in columns.values() if column not in ids.columns]
    options = _guess_choices(free) if label is None and answer is None else None
    rest = [one for one in free if options is None or one not in options.columns]
    kind, gold = _guess_gold(rest, columns, label, answer, choices=options is not None)
    return Guess(
        kind=kind,
        rows=len(rows),
        id=ids,
        gold=gold,
        texts=_guess_texts([one for one in rest if one not in gold.columns], gold.columns[0]),
        choices=options if kind == "choices" else None,
        labels=_named_labels(gold.columns[0], names or {}) if kind == "labels" else (),
    )


def _guess_id(columns: Sequence[Column]) -> Because:
    found = next((column for column in columns if column.is_id), None)
    if found is None:
        return Because((), "no column identifies every row once; rows count by their place")
    return Because((found,), "every row has its own value")


def _guess_choices(columns: Sequence[Column]) -> Because | None:
    listed = named([one for one in columns if one.is_nested], CHOICE_NAMES)
    if listed is not None:
        return Because((listed,), "a list of options in every row")
    letters = [one for one in columns if one.name.strip() in tuple("ABCDEFGHIJ")]
    if len(letters) >= 2 and named(columns, ANSWER_NAMES) is not None:
        return Because(tuple(letters), "columns called by letters hold the options")
    return None


def _guess_gold(
    columns: Sequence[Column],
    every: Mapping[str, Column],
    label: str | None,
    answer: str | None,
    *,
    choices: bool,
) -> tuple[Kind, Because]:
    if label is not None and answer is not None:
        raise UsageError("--label and --answer are both given.", hint="Give one of them.")
    for name in (label, answer):
        if name is not None and name not in every:
            raise UnknownNameError("column", name, every)
    if label is not None:
        return "labels", Because((_checked_label(every[label]),), "you said so")
    if answer is not None:
        return "answer", Because((every[answer],), "you said so")
    by_name = named(columns, (*ANSWER_NAMES, *LABEL_NAMES))
    if choices and by_name is not None:
        return "choices", Because((by_name,), "its name, beside options")
    return _guess_label_or_answer(columns)


def _guess_label_or_answer(columns: Sequence[Column]) -> tuple[Kind, Because]:
    candidates = [column for column in columns if column.is_label]
    by_name = named(candidates, (*LABEL_NAMES, *ANSWER_NAMES))
    if by_name is not None:
        return "labels", Because((by_name,), f"its name and {len(by_name.counts)} values")
    free = named([column for column in columns if column.present], ANSWER_NAMES)
    if free is not None:
        return "answer", Because((free,), "its name; its values hardly repeat")
    if not candidates:
        names = ", ".join(column.name for column in columns) or "none"
        raise UsageError(
            f"no column looks like a label or an answer; the columns are {names}.",
            hint="Type: --label COLUMN or --answer COLUMN.",
        )
    last = candidates[-1]
    others = ", ".join(column.name for column in candidates[:-1])
    also = f"; {others} could be it too: --label says which" if others else ""
    return "labels", Because((last,), f"{len(last.counts)} values that come again{also}")


def _checked_label(column: Column) -> Column:
    if column.is_nested:
        raise UsageError(
            f"the column {column.name!r} holds lists or objects, which are no labels.",
            hint=f"Type: --answer {column.name}, or name another column.",
        )
    once = len(column.counts) == len(column.present) > 4
    if once or not 2 <= len(draft_labels(column)) <= 10 * MAX_LABELS:
        raise UsageError(
            f"the column {column.name!r} has {len(column.counts)} different values in "
            f"{len(column.present)} rows; labels are at least 2 and come again.",
            hint=f"Type: --answer {column.name}, or name another column.",
        )
    return column


def _guess_texts(columns: Sequence[Column], gold: Column) -> Because:
    reading = tuple(column for column in columns if column.is_text)
    if reading:
        return Because(reading, "columns of text")
    others = tuple(one for one in columns if len(one.counts) > 1 and not one.is_nested)
    if others:
        return Because(others, "no column holds longer text, so every other one is shown")
    raise UsageError(
        f"beside {gold.name!r} no column holds something to read.",
        hint="Name the right column: --label COLUMN or --answer COLUMN.",
    )


def _named_labels(column: Column, names: Mapping[str, Sequence[str]]) -> tuple[DraftLabel, ...]:
    """The labels of a column, by the names that the data give its numbers."""
    said = dict(enumerate(names.get(column.name, ())))
    return tuple(
        replace(label, name=word, word=word.replace("_", " "))
        if label.value.isdigit() and (word := said.get(int(label.value)))
        else label
        for label in draft_labels(column)
    )


def draft_labels(column: Column) -> tuple[DraftLabel, ...]:
    """The labels of a column, the most frequent first; spellings that cannot be told apart are one.

    The values 0 and 1 of a column that asks a question (`urgent`, `is_spam`) are said as no, yes.
    """
    forms: dict[str, list[str]] = {}
    for value in column.counts:
        forms.setdefault(fold_word(value) or value, []).append(value)
    switch = set(forms) in ({"0", "1"}, {"true", "false"})
    asks = switch and column.name.lower() not in LABEL_NAMES
    words = {"0": "no", "1": "yes", "false": "no", "true": "yes"} if asks else {}
    return tuple(
        DraftLabel(
            value=values[0],
            name=words.get(form, values[0].strip()),
            word=words.get(form, values[0].strip()),
            count=sum(column.counts[value] for value in values),
            also=tuple(values[1:]),
        )
        for form, values in forms.items()
    )
