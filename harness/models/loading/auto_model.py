"""Which class of transformers reads a checkpoint, by what its configuration describes."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
)

from harness.models.contract import Architecture


def architecture_of(config: PreTrainedConfig) -> Architecture:
    """Whether a model goes on with its prompt, or reads it with an encoder of its own."""
    return "encoder-decoder" if config.is_encoder_decoder else "decoder"


def reads_text(config: PreTrainedConfig) -> bool:
    """Whether an encoder-decoder of the library reads text; others read sound or pictures."""
    return type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING


def goes_on(config: PreTrainedConfig) -> bool:
    """Whether a model of the library goes on with a text: no encoder does, with or without decoder.

    Of encoders such as BERT the library has causal models, too: which of the two a checkpoint is,
    its `architectures` say.
    """
    kind = type(config)
    if config.is_encoder_decoder or kind not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return False
    causal = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    return kind not in MODEL_FOR_MASKED_LM_MAPPING or not causal.isdisjoint(
        config.architectures or ()
    )


def auto_model(config: PreTrainedConfig) -> Any:
    """The class that makes and reads such a model."""
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
