"""Loading: from what the user typed to a model that answers requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.backends import BACKENDS
from harness.models.contract import Model
from harness.models.loading.devices import choose_device, choose_dtype
from harness.models.loading.source import Source, find_source

if TYPE_CHECKING:
    import torch


def load_model(
    spec: str,
    *,
    base: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Model:
    """The model of a directory, a hub id, a `.gguf` file, a PEFT adapter directory or an alias.

    Weights are read from safetensors only; a GGUF is converted once, into the user cache.
    `name:spec` is handed to the plug-in backend of that name.

    Args:
        spec: what the user typed.
        base: the base model of an adapter, where its own entry isn't to be used.
        dtype: `auto`, `float32`, `bfloat16` or `float16`; `auto` is float32 on a CPU, else the
            checkpoint's.
        device: `auto`, `cpu`, `cuda` or `mps`.
        revision: branch, tag or commit of a hub id.
        trust_remote_code: whether Python code of the checkpoint may run.

    Raises:
        UsageError: the model can't be loaded; the message says why and what to type.
    """
    backend, _, rest = spec.partition(":")
    if rest and backend in BACKENDS:
        return BACKENDS.get(backend)(
            rest,
            base=base,
            dtype=dtype,
            device=device,
            revision=revision,
            trust_remote_code=trust_remote_code,
        )
    chosen_device = choose_device(device)
    choose_dtype(dtype, chosen_device, None)  # a wrong name shows before anything is read
    source = find_source(spec, base=base, revision=revision, code=trust_remote_code)

    return _load(spec, source, dtype=dtype, device=chosen_device, code=trust_remote_code)


def _load(spec: str, source: Source, *, dtype: str, device: torch.device, code: bool) -> Model:
    # Only now: these import torch and transformers for seconds, and a wrong path needs neither.
    from harness.models.inference.hf import HFModel
    from harness.models.loading.adapter import apply_adapter
    from harness.models.loading.model_info import describe
    from harness.models.loading.pretrained_io import (
        move_to,
        read_config,
        read_tokenizer,
        read_weights,
    )
    from harness.models.loading.tokenizer import HFTokenizer
    from harness.models.loading.upcast import widen_where_slow

    config = read_config(source.directory, code=code)
    tokenizer = HFTokenizer(read_tokenizer(source.tokenizer, code=code))
    chosen_dtype = choose_dtype(dtype, device, getattr(config, "dtype", None))
    model = read_weights(source.directory, config, chosen_dtype, code=code)
    if source.adapter is not None:
        model = apply_adapter(model, source.adapter, base=source.base or "")
    move_to(device, model)
    widened = widen_where_slow(model, device, chosen_dtype)
    info = describe(spec, source, model, tokenizer)
    loaded = HFModel(model, tokenizer, info, end_id=tokenizer.end_id)
    if widened:
        loaded.notes.append(
            f"this CPU has no {info.dtype} products: layers multiply in float32 and round to "
            f"{info.dtype}; --dtype float32 is faster."
        )
    return loaded
