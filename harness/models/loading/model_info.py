"""Description: what a run's manifest says about a loaded model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from transformers import PreTrainedConfig, PreTrainedModel

from harness.models.contract import ModelInfo
from harness.models.file_hashes import hash_text
from harness.models.fingerprint import fingerprint_model
from harness.models.loading.auto_model import architecture_of
from harness.models.loading.source import Source
from harness.models.loading.tokenizer import HFTokenizer

_LIMITS: Final = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length",
    "max_encoder_position_embeddings",
)  # fmt: skip
"""What configurations call the limit."""
_UNLIMITED = 2**20
"""Longest prompt of a model that names no limit (one with a recurrent state)."""


def describe(
    spec: str, source: Source, model: PreTrainedModel, tokenizer: HFTokenizer
) -> ModelInfo:
    """The facts about a model that was loaded from a source."""
    template = tokenizer.chat_template
    return ModelInfo(
        name=spec,
        kind=source.kind,
        path=str(source.adapter or source.directory),
        fingerprint=fingerprint_model(
            source.directory, adapter=source.adapter, tokenizer=source.tokenizer
        ),
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(model.device),
        max_context=max_context(model.config.get_text_config()),
        base=source.base,
        adapter=None if source.adapter is None else str(source.adapter),
        chat_template_hash=None if template is None else hash_text(template),
        architecture=architecture_of(model.config),
    )


def max_context(config: PreTrainedConfig) -> int:
    """The longest prompt with its continuation that a model takes, in tokens."""
    return next(_limits(config), _UNLIMITED)


def names_limit(config: PreTrainedConfig) -> bool:
    """Whether a configuration says how long a prompt may be."""
    return next(_limits(config), None) is not None


def _limits(config: PreTrainedConfig) -> Iterator[int]:
    for name in _LIMITS:
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            yield limit
