"""An adapter's configuration: refused where reading it would run or open something else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.models.loading.checkpoint import read_json

CONFIG_FILE: Final = "adapter_config.json"
WEIGHTS_FILE: Final = "adapter_model.safetensors"
"""The one file of weights that peft reads without a pickle."""

_ACTIVE: Final = ("megatron_config", "corda_config", "eva_config", "loftq_config", "lora_ga_config")
"""Settings that make peft import a module or read further files by name; empty otherwise."""
_MEGATRON: Final = "megatron.core"
"""What peft writes where no Megatron is used; any other name would be imported."""


def check_adapter_config(directory: Path) -> None:
    """Refuses an adapter whose configuration names modules to import or further files to read.

    Raises:
        UsageError: which entry it is; or the file is no JSON object.
    """
    settings = read_json(directory / CONFIG_FILE)
    wrong = [key for key in _ACTIVE if settings.get(key)]
    if settings.get("megatron_core") not in (None, _MEGATRON):
        wrong.append("megatron_core")
    if not _is_of_transformers(settings.get("auto_mapping")):
        wrong.append("auto_mapping")
    if wrong:
        raise UsageError(
            f"the adapter {directory} is refused: {wrong[0]!r} in its {CONFIG_FILE} can import "
            "code or read other files by name.",
            hint=f"Where you trust it, set {wrong[0]!r} to null there.",
        )
    # peft makes objects of what it finds here, and fails in many ways where the types are wrong.
    if not isinstance(settings.get("peft_type"), str):
        raise UsageError(
            f"{directory / CONFIG_FILE} has no 'peft_type'.",
            hint="Copy the adapter again, with the file that peft wrote.",
        )


def _is_of_transformers(mapping: object) -> bool:
    """Whether an `auto_mapping`, which names the base's class, names one of transformers."""
    if mapping is None:
        return True
    library = mapping.get("parent_library") if isinstance(mapping, dict) else ""
    return library is None or str(library).startswith("transformers.")
