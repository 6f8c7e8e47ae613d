"""Headers of safetensors files: which tensors a file holds, without reading one."""

from __future__ import annotations

import json
import math
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError

AGAIN: Final = "Download or copy it again."
_LENGTH_BYTES: Final = 8
_MAX_HEADER_BYTES: Final = 100_000_000
"""The format's own limit."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """What a header says of a tensor."""

    shape: tuple[int, ...]
    begin: int
    """Where in the file its bytes begin."""
    end: int
    """One past its last byte."""

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def read_header(file: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by name: 8 bytes of length, then JSON.

    Raises:
        UsageError: the header is cut short or damaged.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or not 2 <= length <= _MAX_HEADER_BYTES:
            raise UsageError(f"{file} is not a safetensors file ({size:,} bytes).", hint=AGAIN)
        header = stream.read(length)
    if len(header) < length:
        raise UsageError(
            f"{file} is cut short: {size:,} bytes, and its header alone has {length:,}.",
            hint=AGAIN,
        )
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        return {n: _read_entry(t, _LENGTH_BYTES + length) for n, t in tensors.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file} has a damaged safetensors header.", hint=AGAIN) from error


def check_safetensors(file: Path) -> None:
    """Refuses a safetensors file that is empty, damaged or cut short.

    Raises:
        UsageError: what is wrong with it.
    """
    from safetensors import SafetensorError, safe_open

    tensors = read_header(file)
    size, needed = file.stat().st_size, max((t.end for t in tensors.values()), default=0)
    if not tensors:
        raise UsageError(f"{file} holds no tensor.", hint=AGAIN)
    if size < needed:
        raise UsageError(
            f"{file} is cut short: {size:,} bytes, and its tensors need {needed:,}.", hint=AGAIN
        )
    try:
        with safe_open(file, framework="numpy"):  # holes, overlaps, types: the library's own checks
            pass
    except (SafetensorError, ValueError, OSError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"{file} has a damaged safetensors header: {reason}.", hint=AGAIN
        ) from error


def _read_entry(tensor: dict[str, list[int]], start: int) -> StoredTensor:
    """One entry of a header whose data begin at the byte `start`."""
    begin, end = map(operator.index, tensor["data_offsets"])
    shape = tuple(map(operator.index, tensor["shape"]))
    if not 0 <= begin <= end or any(length < 0 for length in shape):
        raise ValueError("a tensor that ends before it begins")
    return StoredTensor(shape, start + begin, start + end)
