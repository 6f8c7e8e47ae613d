"""Whether config.json describes a model that the stored weights can be, before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from transformers import PreTrainedConfig

from harness.core.errors import UsageError
from harness.models.loading.auto_model import auto_model
from harness.models.loading.checkpoint import read_json, stored_tensors

GENERATION_FILE: Final = "generation_config.json"
MAX_PARTS: Final = 1000
"""Layers, experts or labels that a configuration may name, whatever is stored."""
MAX_RATIO: Final = 16
"""Parameters of the model for each stored number: packed weights hold up to eight in one."""
SPARE_ELEMENTS: Final = 2**24
"""Buffers that are computed and not stored."""
_PARTS: Final = ("layer", "expert", "num_labels")


def check_numbers(directory: Path) -> None:
    """Refuses numbers that would be counted up to while the configuration is read.

    Raises:
        UsageError: which entry it is, or that weights are named that wouldn't be checked.
    """
    settings = read_json(directory / "config.json")
    if settings.get("transformers_weights") is not None:
        raise UsageError(
            f"config.json in {directory} names its own weights (transformers_weights).",
            hint="Remove that entry: weights are read from model*.safetensors.",
        )
    if (directory / GENERATION_FILE).is_file():
        read_json(directory / GENERATION_FILE)  # damaged, transformers would pass over it
    limit = max(MAX_PARTS, len(stored_tensors(directory)))
    for name, number in _counts(settings):
        if not 0 <= number <= limit:
            raise UsageError(
                f"config.json in {directory} has {name} = {str(number)[:30]}, which the weights "
                "beside it can't have.",
                hint="Download or copy the directory again.",
            )


def check_size(directory: Path, config: PreTrainedConfig, *, code: bool) -> None:
    """Refuses a configuration of a far larger model than its weights can fill.

    Raises:
        UsageError: both sizes.
    """
    with torch.device("meta"):  # nothing is allocated
        model = auto_model(config).from_config(config, trust_remote_code=code)
    described = sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
    stored = sum(tensor.elements for tensor in stored_tensors(directory).values())
    if described > MAX_RATIO * stored + SPARE_ELEMENTS:
        raise UsageError(
            f"config.json in {directory} describes a model of {described:,} numbers, and its "
            f"weights hold {stored:,}.",
            hint="Download or copy the directory again.",
        )


def _counts(content: object, name: str = "") -> Iterator[tuple[str, int]]:
    """(entry, number) of how many parts of a kind there are, in JSON."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _counts(value, str(key))
    elif isinstance(content, list):
        for value in content:
            yield from _counts(value, name)
    elif isinstance(content, int) and _is_count(name):
        yield name, content


def _is_count(name: str) -> bool:
    return any(part in name for part in _PARTS) and not name.endswith(("size", "dim"))
