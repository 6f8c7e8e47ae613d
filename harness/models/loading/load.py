"""Loading: from what the user typed to a model that answers requests."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.models.backends import BACKENDS
from harness.models.contract import Model
from harness.models.loading.devices import choose_device, choose_dtype
from harness.models.loading.source import Source, find_source
from harness.models.servers.address import is_served
from harness.models.spec import ModelSpec, ServerSpec

if TYPE_CHECKING:
    import torch

    from harness.models.loading.kept_base import KeptBase


def load_model(spec: ModelSpec, *, kept: KeptBase | None = None) -> Model:
    """The model of a directory, a hub id, a `.gguf` file, a PEFT adapter directory or an alias.

    Weights are read from safetensors only; a GGUF is converted once, into the user cache.
    `openai:NAME` and URLs are asked at their server.
    `backend:name` is handed to the backend of that name, such as `llama.cpp:FILE`, `vllm:MODEL`.

    Args:
        spec: the model and how to load it.
        kept: where a base stays loaded for the adapters that come next, each of which is then
            switched on it instead of merged; what was loaded with it before is used no more.

    Returns:
        The loaded model, ready to answer requests.

    Raises:
        UsageError: the model can't be loaded; the message says why and what to type.
    """
    if kept is not None and (is_served(spec) or spec.name.partition(":")[0] in BACKENDS):
        kept.drop()
    if is_served(spec):
        from harness.models.servers.load import load_served

        return load_served(spec)
    if spec.server != ServerSpec():
        raise UsageError(
            f"the options of a server are given, and --model {spec.name} is none of a server's.",
            hint=f"Type: --model openai:{spec.name}, or leave them out.",
        )
    backend, _, rest = spec.name.partition(":")
    if rest and backend in BACKENDS:
        return BACKENDS.get(backend)(replace(spec, name=rest))
    device = choose_device(spec.device)
    choose_dtype(spec.dtype, device, None)  # a wrong name shows before anything is read
    return _load(spec, find_source(spec), device, kept)


def _load(spec: ModelSpec, source: Source, device: torch.device, kept: KeptBase | None) -> Model:
    # Only now: these import torch and transformers for seconds, and a wrong path needs neither.
    from harness.models.loading.adapter import apply_adapter
    from harness.models.loading.auto_model import architecture_of
    from harness.models.loading.model_info import describe
    from harness.models.loading.pretrained_io import (
        embedding_count,
        move_to,
        read_config,
        read_tokenizer,
        read_weights,
    )
    from harness.models.loading.upcast import upcast_where_slow
    from harness.models.loading.wrap import wrap_model, wrap_tokenizer

    code = spec.trust_remote_code
    config = read_config(source.directory, code=code)
    tokenizer = wrap_tokenizer(read_tokenizer(source.tokenizer, code=code), architecture_of(config))
    chosen_dtype = choose_dtype(spec.dtype, device, getattr(config, "dtype", None))
    notes: list[str] = []
    split = "auto" if spec.device == "split" else None
    read = partial(
        read_weights, source.directory, config, chosen_dtype, code=code, device_map=split
    )
    stays = kept is not None and kept.serves(source.adapter, chosen_dtype)
    if kept is not None and stays:
        model = kept.take((source.directory, device, code), read, notes)
    else:
        model = read(notes=notes)
    if source.adapter is not None and not stays:
        model = apply_adapter(model, source.adapter, base=source.base or "")
    tokenizer.limit_to(embedding_count(model))
    if split is None:
        move_to(device, model)
    upcast = upcast_where_slow(model, device, chosen_dtype)
    info = describe(spec.name, source, model, tokenizer)
    if kept is not None and stays and source.adapter is not None:
        model = kept.put_on(source.adapter, base=source.base or "")
    loaded = wrap_model(model, tokenizer, info)
    if source.tokenizer not in (source.directory, source.adapter):
        loaded.notes.append(f"the model has no tokenizer: that of {source.tokenizer} is used.")
    loaded.notes += [*notes, *tokenizer.notes]
    if upcast:
        loaded.notes.append(
            f"this CPU has no {info.dtype} products: layers multiply in float32 and round to "
            f"{info.dtype}; --dtype float32 is faster."
        )
    return loaded
