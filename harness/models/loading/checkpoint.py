"""Checkpoint directories: cheap checks that tell what is wrong before anything is loaded."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError

_LENGTH_BYTES: Final = 8
_MAX_HEADER_BYTES: Final = 100_000_000
"""The format's own limit."""
_AGAIN: Final = "Download or copy it again."
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def check_checkpoint(directory: Path, *, weights: str = "model*.safetensors") -> None:
    """Complain about a directory whose weights can't be loaded.

    Raises:
        UsageError: no safetensors, only pickled weights, a missing shard, a file cut short.
    """
    files = sorted(directory.glob(weights))
    if not files:
        raise _no_safetensors(directory)
    for index in directory.glob("*.safetensors.index.json"):
        _check_shards(index)
    for file in files:
        check_safetensors(file)


def check_safetensors(file: Path) -> None:
    """Complain about a safetensors file that is empty, damaged or cut short.

    Raises:
        UsageError: what is wrong with it.
    """
    tensors = _read_header(file)
    size, needed = file.stat().st_size, max((t.end for t in tensors.values()), default=0)
    if not tensors:
        raise UsageError(f"{file} holds no tensor.", hint=_AGAIN)
    if size < needed:
        raise UsageError(
            f"{file} is cut short: {size:,} bytes, and its tensors need {needed:,}.", hint=_AGAIN
        )


def tensor_shapes(directory: Path, weights: str) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in the files that match `weights`, by its name."""
    return {
        name: tensor.shape
        for file in sorted(directory.glob(weights))
        for name, tensor in _read_header(file).items()
    }


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a header says of a tensor."""

    shape: tuple[int, ...]
    end: int
    """Where in the file it ends."""


def _read_header(file: Path) -> dict[str, _Stored]:
    """The tensors of a safetensors file by name: 8 bytes of length, then JSON.

    Raises:
        UsageError: the header is cut short or damaged.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or not 2 <= length <= _MAX_HEADER_BYTES:
            raise UsageError(f"{file} is not a safetensors file ({size:,} bytes).", hint=_AGAIN)
        header = stream.read(length)
    if len(header) < length:
        raise UsageError(
            f"{file} is cut short: {size:,} bytes, and its header alone has {length:,}.",
            hint=_AGAIN,
        )
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        return {n: _stored(t, _LENGTH_BYTES + length) for n, t in tensors.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file} has a damaged safetensors header.", hint=_AGAIN) from error


def _stored(tensor: dict[str, list[int]], start: int) -> _Stored:
    """One entry of a header whose data begin at the byte `start`."""
    begin, end = map(operator.index, tensor["data_offsets"])
    shape = tuple(map(operator.index, tensor["shape"]))
    if not 0 <= begin <= end or any(length < 0 for length in shape):
        raise ValueError("a tensor that ends before it begins")
    return _Stored(shape, start + end)


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in a file.

    Raises:
        UsageError: it isn't JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} should hold a JSON object, and holds a {type(content).__name__}.")
    return content


def _check_shards(index: Path) -> None:
    shards = read_json(index).get("weight_map")
    named = set(shards.values()) if isinstance(shards, dict) else set()
    missing = sorted(name for name in named if not (index.parent / str(name)).is_file())
    if missing:
        raise UsageError(
            f"{index.parent} lacks {len(missing)} of {len(named)} weight files, "
            f"{missing[0]} among them.",
            hint=_AGAIN,
        )


def _no_safetensors(directory: Path) -> UsageError:
    if any(any(directory.glob(pattern)) for pattern in _PICKLES):
        return UsageError(
            f"{directory} holds pickled weights only, and loading a pickle runs code.",
            hint=(
                'Convert it where you trust it: python -c "from transformers import '
                f"AutoModelForCausalLM as M; M.from_pretrained('{directory}')"
                f".save_pretrained('{directory}')\""
            ),
        )
    return UsageError(f"{directory} holds no weights (*.safetensors).", hint=_AGAIN)
