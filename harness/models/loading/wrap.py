"""From a transformers model and tokenizer to those that the harness asks, by architecture."""

from __future__ import annotations

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from harness.models.contract import Architecture, ModelInfo
from harness.models.inference.encoder_decoder import EncoderDecoderModel
from harness.models.inference.hf import HFModel
from harness.models.inference.local import LocalModel
from harness.models.loading.encoder_decoder_tokenizer import EncoderDecoderTokenizer
from harness.models.loading.tokenizer import HFTokenizer


def wrap_tokenizer(tokenizer: PreTrainedTokenizerBase, architecture: Architecture) -> HFTokenizer:
    """The tokenizer, for a model of this architecture."""
    if architecture == "encoder-decoder":
        return EncoderDecoderTokenizer(tokenizer)
    return HFTokenizer(tokenizer)


def wrap_model(model: PreTrainedModel, tokenizer: HFTokenizer, info: ModelInfo) -> LocalModel:
    """The model, with the tokenizer that `wrap_tokenizer` made for it.

    Raises:
        UsageError: it looks ahead, or does not say how its texts begin or end.
    """
    if isinstance(tokenizer, EncoderDecoderTokenizer):
        return EncoderDecoderModel(model, tokenizer, info, end_id=tokenizer.end_id)
    return HFModel(model, tokenizer, info, end_id=tokenizer.end_id)
