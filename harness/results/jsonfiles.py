"""JSON files, read so that whatever is in them ends in one line and never in a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.core.atomic import reason
from harness.core.errors import UsageError

Json = dict[str, Any]


def read_json(path: Path) -> Json:
    """The object in a JSON file that the harness wrote.

    Raises:
        UsageError: no such file, or a damaged one.
    """
    return parse_object(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """What a file of a run holds.

    Raises:
        UsageError: no such file, or one that cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"{path} is missing: the run is not finished.",
            hint="Repeat its command: it resumes.",
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason(error)}.") from None


def read_jsonl(path: Path) -> Iterator[Json]:
    """The objects in a JSON Lines file; blank lines and a byte order mark are passed over.

    Raises:
        UsageError: no such file, or a line that holds no JSON object.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}.")
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip(b" \t\r\n\xef\xbb\xbf"):
                    yield parse_object(line, f"{path}, line {number}")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason(error)}.") from None


def parse_object(content: bytes, where: str) -> Json:
    """The JSON object in UTF-8 bytes.

    Raises:
        UsageError: they hold something else; the message begins with `where`.
    """
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UsageError(f"{where}: not JSON: {error.msg} at column {error.colno}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 at byte {error.start}.") from None
    except RecursionError:
        raise UsageError(f"{where}: nested too deeply to be read.") from None
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"{where}: cannot be read: {error}.") from None
    if not isinstance(value, dict):
        raise UsageError(f"{where}: a JSON object was expected, not {describe_kind(value)}.")
    return value


def describe_kind(value: object) -> str:
    """What kind of JSON value this is."""
    kinds = {"list": "a list", "str": "a string", "int": "a number", "float": "a number"}
    names = {"bool": "true or false", "NoneType": "null", "dict": "an object"}
    return (kinds | names).get(type(value).__name__, type(value).__name__)
