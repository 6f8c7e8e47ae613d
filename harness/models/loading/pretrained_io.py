"""Reading a checkpoint directory with transformers, every failure turned into one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from harness.core.errors import UsageError
from harness.models.inference.budget import out_of_memory
from harness.models.loading.auto_model import auto_model, reads_text
from harness.models.loading.config_limits import GENERATION_FILE, check_numbers, check_size
from harness.models.loading.panics import first_line, is_panic, quiet_panics
from harness.models.loading.transformers_logging import quiet_transformers


def read_config(directory: Path, *, code: bool) -> PreTrainedConfig:
    """The configuration of a model that reads and writes text.

    Args:
        directory: the checkpoint.
        code: whether Python code of the checkpoint may run.

    Raises:
        UsageError: it can't be read, or is of an encoder-decoder that reads something else.
    """
    with _told(directory, "configuration"):
        check_numbers(directory)
        config = AutoConfig.from_pretrained(directory, trust_remote_code=code)
    if config.is_encoder_decoder and not (reads_text(config) or code):
        raise UsageError(
            f"{directory} is a {config.model_type} model, an encoder-decoder that reads no text; "
            "models such as T5 and BART do."
        )
    return cast(PreTrainedConfig, config)


def read_tokenizer(directory: Path, *, code: bool) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint or an adapter directory.

    Raises:
        UsageError: it can't be read.
    """
    with _told(directory, "tokenizer"), quiet_panics():
        tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=code)
    return cast(PreTrainedTokenizerBase, tokenizer)


def read_generation_config(directory: Path, config: PreTrainedConfig) -> GenerationConfig:
    """What a checkpoint says of generation, in a file of its own or in its configuration.

    Raises:
        UsageError: it can't be read.
    """
    with _told(directory, "generation settings"):
        if (directory / GENERATION_FILE).is_file():
            return GenerationConfig.from_pretrained(directory)
        return GenerationConfig.from_model_config(config)


def read_weights(
    directory: Path,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    *,
    code: bool,
    notes: list[str] | None = None,
    device_map: str | None = None,
) -> PreTrainedModel:
    """The model with all its weights, on the CPU, or where a `device_map` puts them.

    Args:
        directory: the checkpoint.
        config: what its config.json says.
        dtype: of the loaded weights.
        code: whether Python code of the checkpoint may run.
        notes: where to say that stored weights have no place in the model.
        device_map: how accelerate spreads the layers, such as `auto`: over the GPUs, and then the
            CPU's memory.

    Raises:
        UsageError: the weights can't be read, or don't fit the configuration.
    """
    with _told(directory, "weights"):
        check_size(directory, config, code=code)
        model, report = cast(
            tuple[PreTrainedModel, dict[str, set[object]]],
            auto_model(config).from_pretrained(
                directory,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=code,
                output_loading_info=True,
                device_map=device_map,
                ignore_mismatched_sizes=True,  # reported below, with the tensor's name
            ),
        )
    # transformers fills what is missing with random numbers, and goes on.
    for key, wrong in (("missing_keys", "lack"), ("mismatched_keys", "have the wrong shape for")):
        found = sorted(map(str, report[key]))
        if found:
            raise UsageError(
                f"the weights in {directory} {wrong} {len(found)} tensors of its config.json, "
                f"{found[0]} among them.",
                hint="Download or copy the directory again.",
            )
    unused = sorted(map(str, report["unexpected_keys"]))
    if unused and notes is not None:
        notes.append(
            f"{len(unused)} stored tensors have no place in the model that config.json describes, "
            f"{unused[0]} among them."
        )
    return model


def embedding_count(model: PreTrainedModel) -> int:
    """How many tokens the model can read."""
    return len(cast(torch.Tensor, model.get_input_embeddings().weight))


def move_to(device: torch.device, model: PreTrainedModel) -> None:
    """Puts the weights on the device.

    Raises:
        UsageError: they don't fit.
    """
    try:
        nn.Module.to(model, device)
    except torch.OutOfMemoryError as error:
        raise out_of_memory("the weights of the model") from error


@contextmanager
def _told(directory: Path, what: str) -> Iterator[None]:
    """Turns whatever transformers raises about a checkpoint into a one-line error."""
    try:
        with quiet_transformers():
            yield
    except (UsageError, torch.OutOfMemoryError):
        raise
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        reason = first_line(error)
        if "trust_remote_code" in str(error):
            reason = "it brings its own code; type --trust-remote-code if you trust it"
        raise UsageError(f"the {what} in {directory} can't be loaded: {reason}") from error
