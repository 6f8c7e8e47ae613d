"""Adapters: PEFT weights on top of a base model, merged into it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

from transformers import PreTrainedModel

from harness.core.errors import MissingPackageError, UsageError
from harness.models.loading.checkpoint import read_json, tensor_names
from harness.models.loading.transformers_logging import quiet_transformers

if TYPE_CHECKING:
    from peft import PeftModel

_TYPE_BASE = "Type --base with the model it was trained on."


def apply_adapter(model: PreTrainedModel, directory: Path, *, base: str) -> PreTrainedModel:
    """The base model with the adapter merged into its weights.

    A merged model computes what the adapter does, at the base model's speed. In less than float32
    the merged weights are rounded once more.

    Args:
        model: the base model; it is changed.
        directory: the adapter.
        base: what the base model is called in messages.

    Raises:
        MissingPackageError: peft isn't installed.
        UsageError: the adapter doesn't fit the base, or is of a kind that can't be merged.
    """
    with warnings.catch_warnings(), quiet_transformers():
        warnings.simplefilter("ignore")  # peft warns about what is raised below
        wrapped = _wrap(model, directory, base)
        _check_tensors(wrapped, directory, base)
        merge = getattr(wrapped.base_model, "merge_and_unload", None)
        if merge is None:
            kind = read_json(directory / "adapter_config.json").get("peft_type")
            raise UsageError(
                f"{directory} is an adapter of the kind {kind}, which can't be merged into a base.",
                hint="Adapters that change weights (LoRA and its relatives) can.",
            )
        return cast(PreTrainedModel, merge(safe_merge=True))


def _wrap(model: PreTrainedModel, directory: Path, base: str) -> PeftModel:
    try:
        from peft import PeftModel
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "peft", needed_for="an adapter", install="pip install 'robustness-harness[adapters]'"
        ) from error
    try:
        return PeftModel.from_pretrained(model, str(directory))
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the adapter {directory} doesn't fit the base {base!r}: {_reason(error)}",
            hint=_TYPE_BASE,
        ) from error


def _check_tensors(wrapped: PeftModel, directory: Path, base: str) -> None:
    """Complain where peft has left out tensors, or has none for a layer: it only warns."""
    from peft import get_peft_model_state_dict

    wanted = set(get_peft_model_state_dict(wrapped, save_embedding_layers=False))
    stored = tensor_names(directory, "adapter_model*.safetensors")
    for names, where in ((wanted - stored, "base"), (stored - wanted, "adapter")):
        if names:
            raise UsageError(
                f"the adapter {directory} doesn't fit the base {base!r}: {len(names)} tensors "
                f"have a place in the {where} only, {min(names)} among them.",
                hint=_TYPE_BASE,
            )


def _reason(error: Exception) -> str:
    """What the error says, without the list of every tensor."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    mismatch = next((line for line in lines if "size mismatch" in line), None)
    return mismatch or (lines[0] if lines else type(error).__name__)
