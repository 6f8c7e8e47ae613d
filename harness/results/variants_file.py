"""variants.jsonl: the variants of a run, a line each, as the records that made them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.core.records import Variant

_LONE_SURROGATE: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Half a character, which no text can hold: written as an escape, since pairs never are."""


def read_variants(path: Path) -> tuple[Variant, ...]:
    """The variants in a file, in its order.

    Raises:
        UsageError: no such file, or a line that is no variant.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    return tuple(_read_line(line, path, number) for number, line in enumerate(lines, 1) if line)


def _read_line(line: bytes, path: Path, number: int) -> Variant:
    try:
        return _reader().validate_json(_LONE_SURROGATE.sub(rb"\1\\ufffd", line), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        wrong = f"at {key!r}: {first['msg']}" if key else first["msg"]
        raise UsageError(f"{path}, line {number}, is not a variant: {wrong}.") from None


@cache
def _reader() -> TypeAdapter[Variant]:
    return TypeAdapter(Variant)
