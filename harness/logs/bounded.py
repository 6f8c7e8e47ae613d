"""Files of strangers, read within bounds: sizes, archives that unfold, texts that are none."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.core.atomic import reason
from harness.core.errors import UsageError
from harness.logs.record import LogFile
from harness.results.jsonfiles import Json, describe_kind, parse_object

MAX_BYTES: Final = 2 << 30
"""Of a file: all of it is held in memory."""
MAX_NAME: Final = 120
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TRUTH: Final[Mapping[str, float]] = {"True": 1, "False": 0}
_UNSEEN: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def read_bytes(path: Path) -> tuple[bytes, LogFile]:
    """A file's content, and the facts that name it.

    Raises:
        UsageError: it cannot be read, is empty or too large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(f"{path} has {size:,} bytes; at most {MAX_BYTES:,} are read.")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason(error)}.") from None
    if not content.strip():
        raise UsageError(f"{path} is empty: there is no log in it.")
    return content, LogFile(path.name, len(content), hashlib.sha256(content).hexdigest())


def read_object(path: Path) -> tuple[Json, LogFile]:
    """The JSON object in a file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    content, file = read_bytes(path)
    return parse(content, str(path)), file


def read_lines(path: Path) -> tuple[list[Json], LogFile]:
    """The JSON objects of a file that has one per line; a broken line names its number.

    Raises:
        UsageError: it cannot be read, or a line holds something else.
    """
    content, file = read_bytes(path)
    lines = enumerate(content.splitlines(), 1)
    rows = [parse(line, f"{path}, line {number}") for number, line in lines if line.strip()]
    return rows, file


def read_list(path: Path) -> tuple[list[Json], LogFile]:
    """The JSON objects of a list in a file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    content, file = read_bytes(path)
    wrapped = parse(b'{"rows":' + content.removeprefix(b"\xef\xbb\xbf") + b"}", str(path))
    return objects(wrapped.get("rows"), str(path)), file


def parse(content: bytes, where: str) -> Json:
    """The JSON object in bytes, with a mark in place of what no text can hold.

    Raises:
        UsageError: they hold something else.
    """
    if content.startswith(b"version https://git-lfs"):
        raise UsageError(f"{where} is a pointer of Git LFS, not the file itself.")
    parsed = parse_object(content, where)
    return _mended(parsed) if b"\\u" in content else parsed


def _mended(value: Any) -> Any:
    """The value with lone surrogates, which nothing can store, replaced."""
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in value.items()}
    return [_mended(one) for one in value] if isinstance(value, list) else value


def mapping(value: object) -> Json:
    """The value where it is an object, else none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def objects(value: object, where: str) -> list[Json]:
    """A list of objects.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(value, list):
        raise UsageError(f"{where}: a list of rows was expected, not {describe_kind(value)}.")
    return list(_checked(value, where))


def _checked(values: list[object], where: str) -> Iterator[Json]:
    for number, one in enumerate(values, 1):
        if not isinstance(one, dict):
            raise UsageError(f"{where}: row {number} must be an object, not {describe_kind(one)}.")
        yield one


def name_of(value: object) -> str:
    """A name as one short line, whatever it was; empty for what is none.

    Example:
        >>> name_of("arc\\n \\x1b[31measy")
        'arc [31measy'
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _UNSEEN.sub(" ", str(value)).strip()[:MAX_NAME]


def by_example(
    samples: Sequence[Json], key: str, repeat: str, where: Callable[[int], str]
) -> dict[str, list[Json]]:
    """Group samples by the example that they are of.

    Args:
        samples: in the log's order.
        key: where a sample says its example.
        repeat: what tells an example's samples apart: an epoch, a filter.
        where: what an error calls the sample of a number, from 1.

    Returns:
        Example -> its samples, one per value of `repeat`.

    Raises:
        UsageError: a sample without an example, or one that stands there twice.
    """
    found: dict[str, list[Json]] = {}
    for number, sample in enumerate(samples, 1):
        example = name_of(sample.get(key))
        if not example:
            raise UsageError(f"{where(number)} has no {key}.")
        own = found.setdefault(example, [])
        if any(one.get(repeat) == sample.get(repeat) for one in own):
            raise UsageError(
                f"{where(number)} has the {key} {example!r}, which stands there twice for one "
                f"{repeat}."
            )
        own.append(sample)
    return found


def text_of(value: object) -> str:
    """A value as text: itself, or its JSON; empty for null."""
    if isinstance(value, str) or value is None:
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def number_of(value: object) -> float | None:
    """A finite number, or a truth value as 1 or 0; None for all else.

    Example:
        >>> [number_of(one) for one in (True, "0.5", float("nan"), [1])]
        [1.0, 0.5, None, None]
    """
    if not isinstance(value, bool | int | float | str):
        return None
    try:
        number = float(_TRUTH.get(value, value) if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if number - number == 0 else None
