"""Which class of transformers reads a checkpoint, by what its configuration describes."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING

from harness.models.contract import Architecture


def architecture_of(config: PreTrainedConfig) -> Architecture:
    """Whether a model goes on with its prompt, or reads it with an encoder of its own."""
    return "encoder-decoder" if config.is_encoder_decoder else "decoder"


def reads_text(config: PreTrainedConfig) -> bool:
    """Whether an encoder-decoder of the library reads text; others read sound or pictures."""
    return type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING


def auto_model(config: PreTrainedConfig) -> Any:
    """The class that makes and reads such a model."""
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
