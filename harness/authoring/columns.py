"""What the columns of a table are: their values counted, and what each may be for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from harness.tasks.rows import Row

LABEL_NAMES: Final = (
    "label", "labels", "class", "category", "categories", "sentiment", "intent", "topic", "tag",
    "type", "verdict", "gold", "target", "y",
)  # fmt: skip
ANSWER_NAMES: Final = (
    "answer", "answers", "expected", "expected_output", "ideal", "reference", "references",
    "target", "gold", "output", "completion", "response", "reply", "summary", "translation",
)  # fmt: skip
CHOICE_NAMES: Final = ("choices", "options", "candidates", "alternatives")
TEXT_NAMES: Final = (
    "text", "question", "query", "prompt", "input", "sentence", "review", "comment", "message",
    "body", "title", "subject", "content", "context", "passage", "document", "premise",
    "hypothesis",
)  # fmt: skip
MAX_LABELS: Final = 30
_ID_NAME: Final = re.compile(
    r"^(?:id|idx|index|key|uuid|guid|nr|no|number|#)$|(?:[_ -]|(?<=[a-z]))I[dD]$|[_ -]id$|^id[_ -]",
)
_TEXT_WORDS: Final = 2.5
"""Words per value from which a column is a text."""


@dataclass(frozen=True)
class Column:
    """One field over all rows."""

    name: str
    values: tuple[object, ...]
    """What the rows hold there; None where a row holds nothing."""

    @cached_property
    def present(self) -> tuple[object, ...]:
        """The values that hold something."""
        return tuple(value for value in self.values if not _is_blank(value))

    @cached_property
    def counts(self) -> Counter[str]:
        """Each value as text -> in how many rows it stands, the most frequent first."""
        texts = (as_text(value) for value in self.present)
        return Counter(dict(Counter(texts).most_common()))

    @cached_property
    def words(self) -> float:
        """Words per value."""
        return sum(len(as_text(v).split()) for v in self.present) / max(1, len(self.present))

    @property
    def missing(self) -> int:
        """In how many rows there is nothing."""
        return len(self.values) - len(self.present)

    @property
    def is_nested(self) -> bool:
        """Whether values are lists or objects."""
        return any(isinstance(value, list | dict | tuple) for value in self.present)

    @property
    def is_id(self) -> bool:
        """Whether it identifies rows: by its name, or as whole numbers that never repeat."""
        unique = not self.missing and len(self.counts) == len(self.values)
        named = bool(_ID_NAME.search(self.name)) or self.name.lower() in ("id", "idx", "uuid")
        right = self.name.lower() in (*LABEL_NAMES, *ANSWER_NAMES)
        whole = not right and all(re.fullmatch(r"\d+", text) for text in self.counts)
        return unique and not self.is_nested and self.words <= 1 and (named or whole)

    @property
    def is_label(self) -> bool:
        """Whether it may be a label: a few short values that come again."""
        distinct = len(self.counts)
        most = min(MAX_LABELS, max(2, (len(self.present) + 1) // 2))
        short = all(len(text) <= 60 for text in self.counts)
        again = distinct < len(self.present)
        return 2 <= distinct <= most and again and short and not self.is_nested

    @property
    def is_text(self) -> bool:
        """Whether it is for reading: by its name or by how much stands there."""
        named = self.name.lower() in TEXT_NAMES
        return not self.is_nested and len(self.counts) > 1 and (named or self.words >= _TEXT_WORDS)


def columns_of(rows: Sequence[Row]) -> dict[str, Column]:
    """The columns of a table, by name, in the order of their first appearance."""
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {name: Column(name, tuple(row.get(name) for row in rows)) for name in names}


def as_text(value: object) -> str:
    """A value as task files compare it; lists and objects as JSON."""
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def named(columns: Sequence[Column], names: Sequence[str]) -> Column | None:
    """The first column that is called by one of the names, in the order of the names."""
    by_name = {column.name.lower().strip(): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _is_blank(value: object) -> bool:
    return not value.strip() if isinstance(value, str) else value is None
