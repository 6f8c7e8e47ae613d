"""Which grader fits a column of free answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from harness.authoring.columns import Column, as_text

_NUMBER: Final = re.compile(r"[-+]?[$€£]?\s?\d[\d.,]*\s?%?")


@dataclass(frozen=True, slots=True)
class GuessedGrader:
    """A grader as a task file names it, why, and the tokens that an answer takes."""

    yaml: str
    reason: str
    max_new_tokens: int


def guess_grader(column: Column) -> GuessedGrader:
    """The grader of a column of references: JSON by fields, numbers by value, else token F1."""
    texts = [as_text(item) for value in column.present for item in _items(value)]
    longest = max((len(text) for text in texts), default=0)
    length = min(512, 16 + longest // 2)
    if texts and all(map(_is_object, texts)):
        grader = "{name: json_fields, types: loose}"
        return GuessedGrader(grader, "the answers are JSON objects: share of fields right", length)
    if texts and all(_NUMBER.fullmatch(text.strip()) for text in texts):
        why = "the answers are numbers; raise the tokens if a model is to reason first"
        return GuessedGrader("numeric", why, max(32, length))
    why = "words in common. EDIT: exact for one right text, contains, chrf or judge for long ones"
    return GuessedGrader("token_f1", why, length)


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
