"""Adapters: PEFT weights on top of a base model, merged where they can be."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from transformers import PreTrainedModel

from harness.errors import MissingPackageError, UsageError
from harness.models.checkpoint import read_json


def apply_adapter(model: PreTrainedModel, directory: Path, *, base: str) -> PreTrainedModel:
    """The base model with the adapter merged into its weights.

    A merged model computes what the adapter does, at the base model's speed. In less than float32
    the merged weights are rounded once more.

    Raises:
        MissingPackageError: peft isn't installed.
        UsageError: the adapter doesn't fit the base, or is of a kind that can't be merged.
    """
    try:
        from peft import PeftModel
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "peft", needed_for="an adapter", install="pip install 'robustness-harness[adapters]'"
        ) from error
    kind = str(read_json(directory / "adapter_config.json").get("peft_type"))
    try:
        wrapped = PeftModel.from_pretrained(model, str(directory), use_safetensors=True)
        merged = wrapped.merge_and_unload(safe_merge=True)
    except AttributeError as error:
        raise UsageError(
            f"{directory} is an adapter of the kind {kind}, which can't be merged into its base.",
            hint="Adapters that change weights (LoRA and its relatives) can.",
        ) from error
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise UsageError(
            f"the adapter {directory} doesn't fit the base {base!r}: {_first_line(error)}",
            hint="Type --base with the model it was trained on.",
        ) from error
    return cast(PreTrainedModel, merged)


def _first_line(error: Exception) -> str:
    """What the error says, without the list of every tensor."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    mismatch = next((line for line in lines if "size mismatch" in line), None)
    return mismatch or (lines[0] if lines else type(error).__name__)
