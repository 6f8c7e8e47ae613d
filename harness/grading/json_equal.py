"""When two JSON values are equal: types, numbers, texts and lists by stated rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import JsonValue

from harness.grading.grade import GraderOptions
from harness.grading.numbers import read_numbers
from harness.grading.tolerance import Amount, Tolerance


class JsonRules(GraderOptions):
    """Options by which JSON values are compared.

    Example:
        >>> JsonRules().equal("1", 1), JsonRules(types="loose").equal("1", 1)
        (False, True)
        >>> JsonRules().equal(1.0, 1), JsonRules().equal(True, 1)
        (True, False)
    """

    types: Literal["strict", "loose"] = "strict"
    """`strict`: the text "1" is not the number 1, "true" is not true, and null must stand there.
    `loose`: a text that holds one number is that number ("12 EUR" is 12), "true" is true, and a
    missing field or an empty text is null. 1 and 1.0 are one number either way."""
    texts: Literal["normalized", "exact"] = "normalized"
    """`normalized`: upper case and the number of spaces do not count; `exact`: they do."""
    lists: Literal["ordered", "set"] = "ordered"
    """`set`: neither the order nor repeats of a list's items count."""
    absolute: Amount = 0.0
    """Largest difference of a number from the reference that is right."""
    relative: Amount = 0.0
    """The same as a share of the reference; the larger of both is allowed."""

    def equal(self, value: JsonValue, reference: JsonValue) -> bool:
        """Whether `value` is right where `reference` is expected."""
        if isinstance(reference, dict):
            return self._equal_objects(value, reference)
        if isinstance(reference, list):
            return self._equal_lists(value, reference)
        if self.types == "loose":
            value, reference = _loosened(value, reference)
        if isinstance(reference, str) and isinstance(value, str):
            return self._equal_texts(value, reference)
        if _is_number(reference) and _is_number(value):
            tolerance = Tolerance(absolute=self.absolute, relative=self.relative)
            return tolerance.allows(_decimal(value), _decimal(reference))
        return type(value) is type(reference) and value == reference

    def _equal_objects(self, value: JsonValue, reference: dict[str, JsonValue]) -> bool:
        if not isinstance(value, dict):
            return False
        keys = value.keys() | reference.keys()
        if self.types == "strict" and keys != value.keys() & reference.keys():
            return False
        return all(self.equal(value.get(key), reference.get(key)) for key in keys)

    def _equal_lists(self, value: JsonValue, reference: list[JsonValue]) -> bool:
        if not isinstance(value, list):
            return False
        if self.lists == "set":
            return all(any(self.equal(one, other) for one in value) for other in reference) and all(
                any(self.equal(one, other) for other in reference) for one in value
            )
        return len(value) == len(reference) and all(map(self.equal, value, reference))

    def _equal_texts(self, value: str, reference: str) -> bool:
        return value == reference or (
            self.texts == "normalized" and _fold(value) == _fold(reference)
        )


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimal(value: JsonValue) -> Decimal:
    """A float is the number that its shortest text says: 0.1, not the double nearest to it."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value))


def _loosened(value: JsonValue, reference: JsonValue) -> tuple[JsonValue, JsonValue]:
    """Both values, a text of either taken as the number, truth value or null of the other."""
    if isinstance(value, str) and not isinstance(reference, str):
        return _as_kind_of(reference, value), reference
    if isinstance(reference, str) and not isinstance(value, str):
        return value, _as_kind_of(value, reference)
    return value, reference


def _as_kind_of(other: JsonValue, text: str) -> JsonValue:
    if other is None:
        return None if not text.strip() else text
    if isinstance(other, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if _is_number(other) and len(numbers := read_numbers(text)) == 1:
        return _number(numbers[0].value)
    return text


def _number(value: Decimal) -> int | float:
    whole = value == value.to_integral_value() and value.adjusted() < 300
    return int(value) if whole else float(value)
