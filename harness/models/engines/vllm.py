"""`vllm:MODEL`: a checkpoint that vLLM runs in this process."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.core.errors import MissingPackageError, UsageError
from harness.models.file_hashes import hash_text
from harness.models.loading.adapter_config import CONFIG_FILE
from harness.models.loading.checkpoint import read_json, stored_tensors
from harness.models.loading.devices import choose_dtype
from harness.models.loading.source import Source, check_there, find_source
from harness.models.spec import ModelDevice, ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from harness.models.contract import ModelInfo
    from harness.models.engines.vllm_model import VllmModel
    from harness.models.engines.vllm_start import Setup
    from harness.models.loading.tokenizer import HFTokenizer

BACKEND: Final = "vllm"
_PACKAGE: Final = "vllm"


def load_vllm(spec: ModelSpec) -> VllmModel:
    """The model of a checkpoint, an adapter on its base, or a bundled model's alias.

    Args:
        spec: its name is what stood behind the colon.

    Raises:
        MissingPackageError: vLLM isn't installed.
        UsageError: no checkpoint is there, vLLM can't run it, or not on that device.
    """
    check_name(spec.name)
    _check_installed()
    source = find_source(spec)
    # Only now: these import torch and transformers for seconds, and a wrong path needs neither.
    from harness.models.engines.vllm_model import VllmModel
    from harness.models.engines.vllm_start import start_engine
    from harness.models.inference.local import end_tokens
    from harness.models.loading.auto_model import architecture_of
    from harness.models.loading.pretrained_io import (
        read_config,
        read_generation_config,
        read_tokenizer,
    )
    from harness.models.loading.wrap import wrap_tokenizer

    code = spec.trust_remote_code
    config = read_config(source.directory, code=code)
    _check_decoder(config, spec.name)
    settings = read_generation_config(source.directory, config)
    tokenizer = wrap_tokenizer(read_tokenizer(source.tokenizer, code=code), architecture_of(config))
    tokenizer.limit_to(config.get_text_config().vocab_size)
    ends = end_tokens(settings, tokenizer.end_id)
    setup = _set_up(spec, source, config)
    engine = start_engine(setup, spec.name)
    info = _describe(spec.name, source, setup, tokenizer, engine.max_context)
    model = VllmModel(engine, tokenizer, info, ends)
    model.notes += [
        f"{spec.name} is run by vLLM {_version()} ({info.dtype}, {info.device}).",
        *tokenizer.notes,
    ]
    return model


def check_name(name: str) -> None:
    """Refuse what can be no model of vLLM's; nothing is read.

    Raises:
        UsageError: there is no such path, no model at it, or a GGUF file.
    """
    check_there(name)
    if Path(name).suffix == ".gguf":
        raise UsageError(
            f"--model {BACKEND}:{name}: vLLM is given checkpoints in safetensors, not .gguf files.",
            hint=f"Type: --model llama.cpp:{name}, or --model {name}",
        )


def fingerprint_of(files: str) -> str:
    """The fingerprint of a model whose files have one: another release may round otherwise."""
    return hash_text(json.dumps([BACKEND, _version(), files]))


def _check_installed() -> None:
    if importlib.util.find_spec(_PACKAGE) is None:
        raise MissingPackageError(
            _PACKAGE,
            needed_for="a model that vLLM runs",
            install="pip install 'robustness-harness[vllm]'",
        )


def _check_decoder(config: PreTrainedConfig, name: str) -> None:
    if config.is_encoder_decoder:
        raise UsageError(
            f"{name} is a {config.model_type} model, an encoder-decoder, and vLLM runs decoders.",
            hint=f"Type: --model {name}",
        )


def _set_up(spec: ModelSpec, source: Source, config: PreTrainedConfig) -> Setup:
    """What an engine is to run, and on which device."""
    import torch

    from harness.models.engines.vllm_start import Setup, device_of_build
    from harness.models.loading.model_info import max_context, names_limit

    device = device_of_build()
    gpus = torch.cuda.device_count()
    _check_device(spec.device, device, gpus)
    text = config.get_text_config()
    dtype = choose_dtype(spec.dtype, torch.device(device), getattr(config, "dtype", None))
    return Setup(
        source.directory,
        str(dtype).removeprefix("torch."),
        device,
        # A checkpoint that names no limit, such as one with a recurrent state, has none to fit.
        max_context=-1 if names_limit(text) else max_context(text),
        gpus=gpus if spec.device == "split" else 1,
        code=spec.trust_remote_code,
        adapter=source.adapter,
        rank=0 if source.adapter is None else _rank(source.adapter),
    )


def _check_device(asked: ModelDevice, built_for: str, gpus: int) -> None:
    if not built_for:
        raise UsageError(
            f"vLLM {_version()} as it is installed finds no device here that it can run on.",
            hint="Use a machine with a GPU, install a build of vLLM for this one, or type --model "
            "without vllm:",
        )
    if asked == "split" and not gpus:
        raise UsageError(
            "--device split spreads a model over GPUs, and torch sees none here.",
            hint="Type --device auto.",
        )
    if asked not in ("auto", "split", built_for):
        raise UsageError(
            f"--device {asked}: vLLM {_version()} as it is installed runs on {built_for}.",
            hint="Type --device auto.",
        )


def _rank(adapter: Path) -> int:
    """The rank of plain LoRA, which vLLM computes beside the base.

    Raises:
        UsageError: the adapter is of another kind.
    """
    from harness.models.loading.kept_base import can_switch

    rank = read_json(adapter / CONFIG_FILE).get("r")
    if not can_switch(adapter) or not isinstance(rank, int):
        raise UsageError(
            f"{adapter} is no plain LoRA adapter, and vLLM runs no other.",
            hint=f"Type: --model {adapter}",
        )
    return rank


def _describe(
    name: str, source: Source, setup: Setup, tokenizer: HFTokenizer, max_context: int
) -> ModelInfo:
    from harness.models.contract import ModelInfo
    from harness.models.fingerprint import fingerprint_model

    template = tokenizer.chat_template
    files = fingerprint_model(source.directory, adapter=source.adapter, tokenizer=source.tokenizer)
    return ModelInfo(
        name=f"{BACKEND}:{name}",
        kind=BACKEND,
        path=str(source.adapter or source.directory),
        fingerprint=fingerprint_of(files),
        parameters=sum(one.elements for one in stored_tensors(source.directory).values()),
        dtype=setup.dtype,
        device=setup.device,
        max_context=max_context,
        base=source.base,
        adapter=None if source.adapter is None else str(source.adapter),
        chat_template_hash=None if template is None else hash_text(template),
    )


@cache
def _version() -> str:
    """Of the package that brings vLLM, which is called otherwise where it is built for CPUs."""
    return version(packages_distributions()[_PACKAGE][0])
