"""Panics: how the Rust code of tokenizers and safetensors fails, past what Python expects.

A panic reaches Python as a `BaseException`, which `except Exception` lets pass, after Rust has
written several lines to the process's standard error.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_STDERR: Final = 2
_MAX_REASON: Final = 300


def is_panic(error: BaseException | None) -> bool:
    """Whether Rust code panicked."""
    return type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    """What an error says first, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:_MAX_REASON]


@contextmanager
def quiet_panics() -> Iterator[None]:
    """What is written to standard error inside is kept back, and lost only in a panic."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(_STDERR)
        os.dup2(kept.fileno(), _STDERR)
        panicked = False
        try:
            yield
        except BaseException as error:
            panicked = is_panic(error) or is_panic(error.__cause__)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(before, _STDERR)
            os.close(before)
            kept.seek(0)
            if not panicked and (text := kept.read()):
                os.write(_STDERR, text)
