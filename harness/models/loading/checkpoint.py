"""Checkpoint directories: which files are loaded, and whether they can be, before any is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.models.loading.safetensors_header import (
    AGAIN,
    StoredTensor,
    check_safetensors,
    read_header,
)

WEIGHTS_FILE: Final = "model.safetensors"
INDEX_FILE: Final = "model.safetensors.index.json"
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_TOKENIZERS: Final = (
    "tokenizer.json", "tokenizer_config.json", "*.model", "*.tiktoken", "vocab.json", "vocab.txt",
)  # fmt: skip
"""A folder with one of these has a tokenizer."""


def check_checkpoint(directory: Path, *, weights: str = WEIGHTS_FILE) -> None:
    """Refuses a directory whose weights can't be loaded, or would not be safetensors inside it.

    Args:
        directory: of a model or an adapter.
        weights: the file of unsharded weights.

    Raises:
        UsageError: no safetensors, only pickled weights, a missing shard, a file cut short or from
            elsewhere.
    """
    files = weight_files(directory, weights=weights)
    if not files:
        raise _no_safetensors(directory)
    for file in files:
        _check_place(file, directory)
        check_safetensors(file)


def weight_files(directory: Path, *, weights: str = WEIGHTS_FILE) -> list[Path]:
    """The files that are loaded: the one of that name, else the shards that the index names.

    Raises:
        UsageError: the index names what is no safetensors file beside it, or what is not there.
    """
    whole = directory / weights
    if whole.is_file():
        return [whole]
    index = directory / INDEX_FILE
    if weights != WEIGHTS_FILE or not index.is_file():
        return []
    shards = read_json(index).get("weight_map")
    names = sorted(map(str, set(shards.values()))) if isinstance(shards, dict) else []
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise UsageError(
                f"{index} names {name!r}, and only safetensors files beside it are loaded.",
                hint=AGAIN,
            )
    files = [directory / name for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise UsageError(
            f"{directory} lacks {len(missing)} of {len(files)} weight files, "
            f"{missing[0]} among them.",
            hint=AGAIN,
        )
    return files


def stored_tensors(directory: Path, *, weights: str = WEIGHTS_FILE) -> dict[str, StoredTensor]:
    """The tensors of all files that are loaded, by name."""
    files = weight_files(directory, weights=weights)
    return {name: tensor for file in files for name, tensor in read_header(file).items()}


def has_tokenizer(directory: Path) -> bool:
    """Whether a tokenizer lies in the directory."""
    return any(any(directory.glob(pattern)) for pattern in _TOKENIZERS)


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in a file.

    Raises:
        UsageError: it isn't JSON, or no object.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UsageError(f"{path} is not valid JSON: {reason}.") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} should hold a JSON object, and holds a {type(content).__name__}.")
    return content


def _check_place(file: Path, directory: Path) -> None:
    """Refuses weights that are a link out of the directory, unless to the hub cache's store.

    Raises:
        UsageError: where it leads.
    """
    target, home = file.resolve(), directory.resolve()
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    if target.parent not in (home, blobs):
        raise UsageError(
            f"{file} is a link to {target}, outside its directory.",
            hint="Copy the file there, or give the directory that holds it.",
        )


def _no_safetensors(directory: Path) -> UsageError:
    if any(any(directory.glob(pattern)) for pattern in _PICKLES):
        reader = "AutoModelForSeq2SeqLM" if _writes_beside(directory) else "AutoModelForCausalLM"
        return UsageError(
            f"{directory} holds pickled weights only, and loading a pickle runs code.",
            hint=(
                'Convert it where you trust it: python -c "from transformers import '
                f"{reader} as M; M.from_pretrained('{directory}')"
                f".save_pretrained('{directory}')\""
            ),
        )
    return UsageError(
        f"{directory} holds no weights ({WEIGHTS_FILE}, or shards and {INDEX_FILE}).", hint=AGAIN
    )


def _writes_beside(directory: Path) -> bool:
    """Whether the configuration names a class of encoder-decoders, as those of T5 and BART."""
    path = directory / "config.json"
    classes = read_json(path).get("architectures") if path.is_file() else None
    return isinstance(classes, list) and any("ConditionalGeneration" in str(c) for c in classes)


def quantization_of(directory: Path) -> str | None:
    """How the weights of a checkpoint are quantised, such as `gptq, 4 bits`; None if they are not.

    Args:
        directory: The checkpoint.

    Raises:
        UsageError: its config.json can't be read.
    """
    return describe_quantization(read_json(directory / "config.json"))


def describe_quantization(config: Mapping[str, object]) -> str | None:
    """How weights are quantised by the settings in a model's configuration.

    Example:
        >>> describe_quantization({"quantization_config": {"load_in_4bit": True}})
        'bitsandbytes, 4 bits'
    """
    settings = config.get("quantization_config")
    if not isinstance(settings, Mapping):
        return None
    named = {4: settings.get("load_in_4bit"), 8: settings.get("load_in_8bit")}
    bits = settings.get("bits") or next((bits for bits, is_set in named.items() if is_set), None)
    method = str(settings.get("quant_method") or "bitsandbytes")
    return f"{method}, {bits} bits" if bits else method
