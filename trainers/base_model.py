"""The base model of a training: found, loaded, and given an adapter where one is trained."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, set_seed

from harness.core.errors import MissingPackageError, UsageError, nearest_hint
from harness.models.contract import Architecture
from harness.models.fingerprint import fingerprint_model
from harness.models.loading.auto_model import architecture_of, auto_model
from harness.models.loading.bundled import BUNDLED
from harness.models.loading.pretrained_io import read_config, read_tokenizer, read_weights
from harness.models.loading.source import Source, find_source
from harness.models.loading.transformers_logging import quiet_transformers
from harness.models.spec import ModelSpec
from trainers.config import ALL_LINEAR, REFERENCE_TARGETS, TrainConfig

_REFERENCE_ELSEWHERE: Final = (("q", "k", "v", "o"), ("q_proj", "k_proj", "v_proj", "out_proj"))
"""What T5, and what BART and OPT call the projections of the reference."""
INSTALL = 'pip install "robustness-harness[train]"'


@dataclass(frozen=True, slots=True)
class Base:
    """Where the base model lies, and what it is."""

    name: str
    """How it is found again: alias, hub id, or the absolute path of a directory."""
    source: Source
    fingerprint: str


def find_base(spec: str) -> Base:
    """The base model that the user typed.

    Raises:
        UsageError: there is none, or it is an adapter.
    """
    source = find_source(ModelSpec(spec))
    if source.adapter is not None:
        raise UsageError(
            f"{spec} is an adapter; training starts from a whole model.",
            hint=f"Type: harness merge {spec} --out DIR, then --model DIR.",
        )
    local = source.kind in ("directory", "gguf")
    name = str(Path(spec).expanduser().resolve()) if local and spec not in BUNDLED else spec
    return Base(name, source, fingerprint_model(source.directory))


def load_tokenizer(base: Base) -> PreTrainedTokenizerBase:
    """The tokenizer of the base model."""
    return read_tokenizer(base.source.tokenizer, code=False)


def check_context(base: Base, max_length: int) -> PreTrainedConfig:
    """The base's configuration, if it takes texts of that length.

    Raises:
        UsageError: it does not.
    """
    config = read_config(base.source.directory, code=False)
    limit = getattr(config, "max_position_embeddings", None)
    if isinstance(limit, int) and max_length > limit:
        raise UsageError(
            f"--max-length {max_length} is longer than {base.name} takes ({limit}).",
            hint=f"Type: --max-length {limit}.",
        )
    return config


def check_architecture(settings: PreTrainedConfig, config: TrainConfig) -> Architecture:
    """The base's architecture, if the options fit it.

    Raises:
        UsageError: an objective or a pooling that such a model has nothing for.
    """
    architecture = architecture_of(settings)
    if architecture == "encoder-decoder" and config.predicts_prompt:
        raise UsageError(
            f"--objective {config.objective} predicts the words of the prompt, and an "
            f"encoder-decoder ({settings.model_type}) reads them and predicts the answer alone.",
            hint="Type: --objective sft.",
        )
    _check_layer(settings, config)
    if architecture == "decoder" and config.pool_in == "encoder":
        raise UsageError(
            f"--pool-in encoder: {config.model} is a {settings.model_type} model, a decoder alone.",
            hint="Type: --pool-in decoder.",
        )
    return architecture


def _check_layer(settings: PreTrainedConfig, config: TrainConfig) -> None:
    side = f"{config.pool_in}_layers", f"num_{config.pool_in}_layers", "num_hidden_layers"
    found = (getattr(settings.get_text_config(), name, None) for name in side)
    layers = next((number for number in found if isinstance(number, int)), None)
    if config.layer and layers and config.layer > layers:
        raise UsageError(
            f"--layer {config.layer}: {config.model} has {layers} layers.",
            hint=f"Type: --layer {layers // 2 or 1}.",
        )


def load_model(base: Base, config: TrainConfig, device: torch.device) -> PreTrainedModel:
    """The model to train: the base with a new adapter, or with all weights free.

    Raises:
        MissingPackageError: peft or bitsandbytes is not installed.
        UsageError: the weights cannot be read, or have no module that the adapter is for.
    """
    if config.quantize != "none":
        model = _load_quantized(base, config, device)
    else:
        low = config.tuning == "lora" and wants_bf16(config, device)
        dtype = torch.bfloat16 if low else torch.float32
        settings = read_config(base.source.directory, code=False)
        model = read_weights(base.source.directory, settings, dtype, code=False)
    model.config.use_cache = False
    if config.tuning == "lora":
        model = _add_adapter(model, base, config)
    if config.gradient_checkpointing:
        _save_activations(model)
    return model


def wants_bf16(config: TrainConfig, device: torch.device) -> bool:
    """Whether to compute in bfloat16."""
    if config.bf16 == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return config.bf16 == "on"


def _add_adapter(model: PreTrainedModel, base: Base, config: TrainConfig) -> PreTrainedModel:
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError:
        raise MissingPackageError("peft", needed_for="--tuning lora", install=INSTALL) from None
    targets = choose_targets(model, config.lora_targets)
    # The adapter's first weights are drawn from torch's global generator; there is no other way.
    set_seed(config.seed)
    settings = LoraConfig(
        task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=ALL_LINEAR if targets == (ALL_LINEAR,) else list(targets),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks for a renamed property
        adapted = get_peft_model(model, settings)
    # Written into adapter_config.json: an alias is found on any machine, a cache path is not.
    adapted.peft_config["default"].base_model_name_or_path = base.name
    return cast(PreTrainedModel, adapted)


def choose_targets(model: nn.Module, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The modules that get an adapter: those wanted.

    The default is the same four projections by the names that the model has for them, else all
    linear modules.

    Raises:
        UsageError: a wanted name is no module of the model.
    """
    if wanted == (ALL_LINEAR,):
        return wanted
    names = {name.rpartition(".")[2] for name, _ in model.named_modules() if name}
    missing = [name for name in wanted if name not in names]
    if not missing:
        return wanted
    if wanted == REFERENCE_TARGETS:
        same = (other for other in _REFERENCE_ELSEWHERE if names.issuperset(other))
        return next(same, (ALL_LINEAR,))
    raise UsageError(
        f"the model has no module {missing[0]!r} for the adapter.{nearest_hint(missing[0], names)}",
        hint=f"Type: --lora-targets {ALL_LINEAR}.",
    )


def _load_quantized(base: Base, config: TrainConfig, device: torch.device) -> PreTrainedModel:
    if device.type != "cuda":
        raise UsageError(f"--quantize {config.quantize} needs a CUDA GPU; this is {device.type}.")
    for package in ("peft", "bitsandbytes"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(
                package,
                needed_for=f"--quantize {config.quantize}",
                install=f"{INSTALL} bitsandbytes",
            )
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    four = config.quantize == "4bit"
    settings = BitsAndBytesConfig(
        load_in_4bit=four,
        load_in_8bit=not four,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    with quiet_transformers():
        reader = auto_model(read_config(base.source.directory, code=False))
        model = reader.from_pretrained(
            base.source.directory,
            quantization_config=settings,
            use_safetensors=True,
            device_map={"": torch.cuda.current_device()},
        )
    prepare: Callable[..., PreTrainedModel] = prepare_model_for_kbit_training
    return prepare(model, use_gradient_checkpointing=False)  # that is switched on for all alike


def _save_activations(model: PreTrainedModel) -> None:
    """Recompute activations in the backward pass, under whichever name transformers has for it."""
    target: Any = model
    options = {"use_reentrant": False}
    enable = getattr(target, "activation_checkpointing_enable", None)
    if callable(enable):
        enable(activation_checkpointing_kwargs=options)
    else:
        target.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
