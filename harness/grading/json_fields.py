"""JSON compared field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from harness.grading.grade import UNPARSED, Grade
from harness.grading.json_equal import JsonRules
from harness.grading.json_text import JsonKind, find_json, parse_json

Leaves = Mapping[str, JsonValue]
"""Path -> value of every place that holds no further object."""


class JsonFields(JsonRules):
    """The share of the reference's fields that the text's JSON has right.

    A field is a place of the reference that holds no further object: `address.city` is one, and a
    list is one as a whole. A text without JSON of the reference's kind is unparsed, which is
    counted apart from wrong values. `json_text` says which JSON of a text is read.

    Example:
        >>> grader = JsonFields()
        >>> grader.grade('Here: {"name": "Ann", "age": 31}', ['{"name": "ann", "age": 30}'])
        Grade(score=0.5, answer='{"age": 31, "name": "Ann"}')
        >>> grader.grade("I do not know.", ['{"name": "Ann"}'])
        Grade(score=0.0, answer=None)
    """

    name: Literal["json_fields"] = "json_fields"
    fields: tuple[str, ...] = ()
    """The fields that count, nested ones by their path (`address.city`; `address` is all of it);
    default: every field of the reference."""
    extra: Literal["ignore", "wrong"] = "ignore"
    """`wrong`: a field that the reference lacks counts as one that is wrong."""
    require: Literal["share", "all"] = "share"
    """`all`: the score is 1 where every field is right, and 0 otherwise."""

    @property
    def binary(self) -> bool:
        """Whether the score is always 0 or 1."""
        return self.require == "all"

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The highest share over the references; unparsed where the text holds no such JSON."""
        expected = [read for one in references if (read := parse_json(one)) is not None]
        kinds = {isinstance(one.value, dict) for one in expected}
        kind: JsonKind = "any" if len(kinds) != 1 else "object" if kinds.pop() else "array"
        said = find_json(text, kind)
        if said is None:
            return UNPARSED
        share = max((self._share(said.value, one.value) for one in expected), default=0.0)
        return Grade(float(share == 1) if self.require == "all" else share, said.text)

    def problem(self, references: Sequence[str]) -> str | None:
        """Every reference must be a JSON object with the fields that count, or an array."""
        for reference in references:
            read = parse_json(reference)
            if read is None or not isinstance(read.value, dict | list):
                return f"the reference {reference[:80]!r} is no JSON object or array"
            if not self._counted(read.value):
                named = f" named {', '.join(self.fields)}" if self.fields else ""
                return f"the reference {reference[:80]!r} has no field{named}"
        return super().problem(references)

    def _share(self, value: JsonValue, reference: JsonValue) -> float:
        expected, said = self._counted(reference), _leaves(value)
        right = sum(self._is_right(path, said, one) for path, one in expected.items())
        surplus = set(self._counted(value)) - set(expected) if self.extra == "wrong" else ()
        total = len(expected) + len(surplus)
        return right / total if total else 0.0

    def _is_right(self, path: str, said: Leaves, reference: JsonValue) -> bool:
        if path in said:
            return self.equal(said[path], reference)
        return reference is None and self.types == "loose"

    def _counted(self, value: JsonValue) -> Leaves:
        """The fields of a value that count."""
        leaves = _leaves(value)
        if not self.fields:
            return leaves
        return {path: one for path, one in leaves.items() if self._is_named(path)}

    def _is_named(self, path: str) -> bool:
        return any(path == field or path.startswith(f"{field}.") for field in self.fields)


def _leaves(value: JsonValue, path: str = "") -> dict[str, JsonValue]:
    """Every place that holds no further object, by its path; of an array the array itself."""
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, JsonValue] = {}
    for key, part in value.items():
        place = f"{path}.{key}" if path else key
        found |= _leaves(part, place) if isinstance(part, dict) and part else {place: part}
    return found
