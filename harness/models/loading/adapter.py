"""Adapters: PEFT weights on top of a base model, merged into it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.core.errors import MissingPackageError, UsageError
from harness.models.contract import Architecture
from harness.models.loading.adapter_config import CONFIG_FILE, WEIGHTS_FILE, check_adapter_config
from harness.models.loading.auto_model import architecture_of
from harness.models.loading.checkpoint import read_json, stored_tensors
from harness.models.loading.tied_weights import settle_tying, untie
from harness.models.loading.transformers_logging import quiet_transformers

if TYPE_CHECKING:
    from peft import PeftModel

_TYPE_BASE: Final = "Type --base with the model it was trained on."
_PREFIX: Final = "base_model.model."
"""What peft writes before the name of a tensor."""
_ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "CAUSAL_LM": "decoder",
    "SEQ_2_SEQ_LM": "encoder-decoder",
}
"""What peft calls an adapter's task -> the base that it needs; other tasks may have either."""
_PROBE_TOKENS: Final = 4
"""Few: a half-precision model is slow on many CPUs, and a wrong merge shows at each token."""


def apply_adapter(model: PreTrainedModel, directory: Path, *, base: str) -> PreTrainedModel:
    """The base model with the adapter merged into its weights.

    A merged model computes what the adapter does, at the base model's speed. Layers that share a
    weight of which the adapter changes one get a weight each. In less than float32 the merged
    weights are rounded once more.

    Args:
        model: the base model; it is changed.
        directory: the adapter.
        base: what the base model is called in messages.

    Raises:
        MissingPackageError: peft isn't installed.
        UsageError: the adapter doesn't fit the base, is of a kind that can't be merged, or
            computes other numbers when it is.
    """
    check_adapter_config(directory)
    with warnings.catch_warnings(), quiet_transformers():
        warnings.simplefilter("ignore")  # peft warns about what is raised below
        _check_kind(directory)
        _check_architecture(directory, model, base)
        stored = stored_tensors(directory, weights=WEIGHTS_FILE)
        shapes = {name: tensor.shape for name, tensor in stored.items()}
        _resize_vocabulary(model, shapes, directory)
        wrapped = _wrap(model, directory, base)
        _check_tensors(wrapped, set(shapes), directory, base)
        return _merge(wrapped, directory)


def put_beside(model: PreTrainedModel, directory: Path, *, base: str) -> PeftModel:
    """The base model with the adapter beside its weights, which stay as they are.

    Args:
        model: the base model; its layers are wrapped until the adapter is unloaded.
        directory: an adapter that can be switched on (`kept_base.can_switch`).
        base: what the base model is called in messages.

    Raises:
        MissingPackageError: peft isn't installed.
        UsageError: the adapter doesn't fit the base, which may hold parts of it by then.
    """
    with warnings.catch_warnings(), quiet_transformers():
        warnings.simplefilter("ignore")
        _check_architecture(directory, model, base)
        stored = stored_tensors(directory, weights=WEIGHTS_FILE)
        wrapped = _wrap(model, directory, base)
        _check_tensors(wrapped, set(stored), directory, base)
        return wrapped


def _merge(wrapped: PeftModel, directory: Path) -> PreTrainedModel:
    """The base with the adapter in its weights, which must answer as the two did side by side."""
    unmerged = _probe(wrapped.get_base_model())
    untie(wrapped, _adapted(wrapped))
    try:
        merged = cast(Any, wrapped.base_model).merge_and_unload(safe_merge=True)
    except Exception as error:  # numbers that are none, or a kind that has no merge
        raise UsageError(
            f"the adapter {directory} can't be merged: {_reason(error)}",
            hint="Give a merged model that the adapter's own library wrote.",
        ) from error
    settle_tying(merged)
    difference = float((_probe(merged) - unmerged).abs().max())
    if not difference <= _tolerance(merged.dtype) * max(1.0, float(unmerged.abs().max())):
        raise UsageError(
            f"the adapter {directory} can't be merged: the merged model's logits "
            f"differ by {difference:.3g} from those of the adapter beside its base.",
            hint="Give a merged model that the adapter's own library wrote.",
        )
    return cast(PreTrainedModel, merged)


def _adapted(wrapped: nn.Module) -> Iterator[nn.Module]:
    """The base's layers that the adapter will be added to."""
    for layer in wrapped.modules():
        base = getattr(layer, "base_layer", None)
        if isinstance(base, nn.Module):
            yield base


@torch.inference_mode()
def _probe(model: nn.Module) -> Tensor:
    """(tokens, vocabulary) logits of a few tokens from all over the vocabulary."""
    model = cast(PreTrainedModel, model.eval())
    rows = model.config.get_text_config().vocab_size
    tokens = (torch.arange(1, _PROBE_TOKENS + 1) * 7919 % rows)[None]
    beside = {"decoder_input_ids": tokens} if model.config.is_encoder_decoder else {}
    return cast(Tensor, model(input_ids=tokens, use_cache=False, **beside).logits[0].float())


def _tolerance(dtype: torch.dtype) -> float:
    """Relative difference that another order of the same sums may make."""
    return 1e-3 if dtype == torch.float32 else 0.1


def _resize_vocabulary(
    model: PreTrainedModel, shapes: dict[str, tuple[int, ...]], directory: Path
) -> None:
    """Gives the base as many tokens as the embeddings that the adapter brings.

    Raises:
        UsageError: it brings the input's and not the output's, so new tokens have no output.
    """
    reads, writes = model.get_input_embeddings(), model.get_output_embeddings()
    stored = {
        layer: next((shapes[name] for name in _names(model, layer) if name in shapes), None)
        for layer in (reads, writes)
        if layer is not None
    }
    rows = {shape[0] for shape in stored.values() if shape}
    if len(rows) != 1 or rows == {len(cast(Tensor, reads.weight))}:
        return
    apart = writes is not None and writes.weight is not reads.weight
    if apart and None in stored.values():
        raise UsageError(
            f"the adapter {directory} was trained with a vocabulary of {rows.pop():,} tokens, and "
            "brings only one of the two embedding layers of that size.",
            hint="Save it with both (peft: modules_to_save or save_embedding_layers=True).",
        )
    model.resize_token_embeddings(rows.pop(), mean_resizing=False)


def _names(model: nn.Module, layer: nn.Module) -> list[str]:
    """What peft calls the layer's weight, as it is saved whole or beside an adapter."""
    names = [name for name, module in model.named_modules() if module is layer]
    return [f"{_PREFIX}{name}{part}.weight" for name in names for part in ("", ".base_layer")]


def _import_peft() -> Any:
    try:
        import peft
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "peft", needed_for="an adapter", install="pip install 'robustness-harness[adapters]'"
        ) from error
    return peft


def _check_kind(directory: Path) -> None:
    """Refuses kinds that stay beside the base, before anything of them is read.

    Raises:
        UsageError: peft doesn't know the kind, or can't merge it.
    """
    mapping: dict[str, type] = _import_peft().mapping.PEFT_TYPE_TO_TUNER_MAPPING
    kind = str(read_json(directory / CONFIG_FILE).get("peft_type"))
    if not hasattr(mapping.get(kind), "merge_and_unload"):
        raise UsageError(
            f"{directory} is an adapter of the kind {kind}, which can't be merged into a base.",
            hint="Adapters that change weights (LoRA and its relatives) can.",
        )


def _check_architecture(directory: Path, model: PreTrainedModel, base: str) -> None:
    """Refuses an adapter of an encoder-decoder on a decoder, and the other way round.

    Raises:
        UsageError: with what each of the two is.
    """
    task = read_json(directory / CONFIG_FILE).get("task_type")
    wanted = _ARCHITECTURES.get(str(task))
    own = architecture_of(model.config)
    if wanted not in (None, own):
        raise UsageError(
            f"the adapter {directory} is of a model of the architecture {wanted} ({task}), and the "
            f"base {base!r} is a {model.config.model_type} model, of the architecture {own}.",
            hint=_TYPE_BASE,
        )


def _wrap(model: PreTrainedModel, directory: Path, base: str) -> PeftModel:
    try:
        return cast("PeftModel", _import_peft().PeftModel.from_pretrained(model, str(directory)))
    except Exception as error:  # its configuration may name anything that peft has
        raise UsageError(
            f"the adapter {directory} doesn't fit the base {base!r}: {_reason(error)}",
            hint=_TYPE_BASE,
        ) from error


def _check_tensors(wrapped: PeftModel, stored: set[str], directory: Path, base: str) -> None:
    """Refuses where peft has left out tensors, or has none for a layer: it only warns."""
    names = _import_peft().get_peft_model_state_dict
    wanted = set(names(wrapped, save_embedding_layers=False))
    # Embeddings may be saved too: where they are trained, were resized, or someone asked for it.
    possible = wanted | set(names(wrapped, save_embedding_layers=True))
    for lost, where in ((wanted - stored, "base"), (stored - possible, "adapter")):
        if lost:
            raise UsageError(
                f"the adapter {directory} doesn't fit the base {base!r}: {len(lost)} tensors "
                f"have a place in the {where} only, {min(lost)} among them.",
                hint=_TYPE_BASE,
            )


def _reason(error: Exception) -> str:
    """What the error says, without the list of every tensor."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    mismatch = next((line for line in lines if "size mismatch" in line), None)
    return mismatch or (lines[0] if lines else type(error).__name__)
