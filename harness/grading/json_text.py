"""JSON in a model's text: alone, in a code fence, or within prose.

Read is the whole text, if it is JSON. Otherwise an object (or an array, where that is expected)
within it, in this order: the last one in the last code fence that holds any; the one with which the
text begins, as what follows is an explanation; the last one in the text.

Only strict JSON counts: an object in which a key stands twice has no one meaning, and so it is no
JSON here; nor are NaN, Infinity, numbers beyond a float's range, and nesting deeper than 64.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from pydantic import JsonValue

JsonKind = Literal["object", "array", "any"]
"""What is expected; `any` is an object or an array."""

_OBJECT: Final = r'\{\s*["}]'
_ARRAY: Final = r'\[\s*["{\[\]\dtfn-]'
_OPENING: Final = {
    "object": re.compile(_OBJECT),
    "array": re.compile(_ARRAY),
    "any": re.compile(f"{_OBJECT}|{_ARRAY}"),
}
_FENCE: Final = re.compile(r"(?:```|~~~)[^\n`~]*\n(.*?)(?:```|~~~|\Z)", re.DOTALL)
_MAX_DEPTH: Final = 64
_MAX_SCANNED: Final = 50_000_000
"""Characters read in search of JSON; a failed attempt reads all before it, to count lines."""
_DEEP: Final = 100_000
"""What an attempt costs that fails at its depth, in characters."""


@dataclass(frozen=True, slots=True)
class Json:
    """A value that was read; the record tells JSON's null from nothing."""

    value: JsonValue

    @property
    def text(self) -> str:
        """The value written in one way, so that equal objects are equal texts."""
        return json.dumps(self.value, ensure_ascii=False, sort_keys=True)


def parse_json(text: str) -> Json | None:
    """The value of a text that is JSON and nothing else; None where it is not.

    Example:
        >>> parse_json('{"a": 1}'), parse_json('{"a": 1, "a": 2}'), parse_json("NaN")
        (Json(value={'a': 1}), None, None)
    """
    try:
        return _checked(_DECODER.decode(text.strip()))
    except (ValueError, RecursionError):
        return None


def find_json(text: str, kind: JsonKind = "any") -> Json | None:
    """The JSON that a model's text holds; None where it holds none of that kind.

    Example:
        >>> find_json('Sure! ```json\\n{"city": "Paris"}\\n``` Anything else?')
        Json(value={'city': 'Paris'})
        >>> find_json('As [1] says: {"year": 1999}', "object")
        Json(value={'year': 1999})
    """
    whole = parse_json(text)
    if whole is not None:
        return whole if kind == "any" or _kind(whole.value) == kind else None
    for fence in reversed(_FENCE.findall(text)):
        if found := _within(fence, kind):
            return found[-1][1]
    found = _within(text, kind)
    if not found:
        return None
    begins = not text[: found[0][0]].strip()
    return found[0 if begins else -1][1]


def _within(text: str, kind: JsonKind) -> list[tuple[int, Json]]:
    """The outermost values of that kind in a text, each with its beginning."""
    found: list[tuple[int, Json]] = []
    scanned, position = 0, 0
    while scanned < _MAX_SCANNED and (opening := _OPENING[kind].search(text, position)):
        start = opening.start()
        try:
            value, position = _DECODER.raw_decode(text, start)
            found.append((start, _checked(value)))
            scanned += position - start
        except (ValueError, RecursionError) as error:
            position = max(position, start + 1)
            scanned += getattr(error, "pos", _DEEP)
    return found


def _kind(value: JsonValue) -> JsonKind | None:
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else None


def _checked(value: JsonValue) -> Json:
    """The value as a record; refuses deep nesting."""
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [part for one in level if isinstance(one, dict | list) for part in _parts(one)]
        if not level:
            return Json(value)
    raise ValueError("nested too deeply")


def _parts(value: dict[str, JsonValue] | list[JsonValue]) -> list[JsonValue]:
    return list(value.values()) if isinstance(value, dict) else value


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key stands twice")
    return content


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("beyond a float's range")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse
)
