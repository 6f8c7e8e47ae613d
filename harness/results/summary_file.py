"""Reads summary.json: every key is checked, and what is wrong is one line that names it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.results.jsonfiles import read_content
from harness.results.summary import Summary

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def read_summary(path: Path) -> Summary:
    """The summary in a file.

    Raises:
        UsageError: no such file, or one that is no summary: the message names the first key that
            is missing or wrong.
    """
    return parse_summary(read_content(path), source=str(path))


def parse_summary(content: str | bytes, *, source: str) -> Summary:
    """The summary that a JSON text holds; `source` is its name in messages.

    Raises:
        UsageError: the text is no summary.
    """
    try:
        return _reader().validate_json(content, strict=True)
    except ValidationError as error:
        raise UsageError(
            f"{source} is not a summary of this release: {_complaint(error.errors()[0])}.",
            hint="Delete it and repeat the run's command: it is written anew from the samples.",
        ) from None


def _complaint(error: ErrorDetails) -> str:
    """What is wrong at which key, as the file spells it."""
    key = ".".join(map(str, error["loc"])).replace(".interval", "_ci").removesuffix(".value")
    if not key:
        return error["msg"]
    if error["type"] == "missing":
        return f"the key {key!r} is missing"
    return f"at {key!r}: {error['msg']}"


@cache
def _reader() -> TypeAdapter[Summary]:
    return TypeAdapter(Summary)
