"""Checkpoint directories: cheap checks that tell what is wrong before anything is loaded."""

from __future__ import annotations

import json
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
    ends = _tensor_ends(file)
    size, needed = file.stat().st_size, max(ends.values(), default=0)
    if not ends:
        raise UsageError(f"{file} holds no tensor.", hint=_AGAIN)
    if size < needed:
        raise UsageError(
            f"{file} is cut short: {size:,} bytes, and its tensors need {needed:,}.", hint=_AGAIN
        )


def tensor_names(directory: Path, weights: str) -> set[str]:
    """The names of all tensors in the files that match `weights`."""
    return {name for file in directory.glob(weights) for name in _tensor_ends(file)}


def _tensor_ends(file: Path) -> dict[str, int]:
    """Where in the file each tensor ends, from its header: 8 bytes of length, then JSON.

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
    start = _LENGTH_BYTES + length
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        return {name: start + int(tensor["data_offsets"][1]) for name, tensor in tensors.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} has a damaged safetensors header.", hint=_AGAIN) from error


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
