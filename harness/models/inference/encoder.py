"""The encoder's side: prompts read once, and what the decoder begins with after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from harness.core.errors import UsageError
from harness.models.inference.token_tree import Tokens


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a decoder looks at: B contexts of at most S tokens."""

    kind: type[ModelOutput]
    """What the model's encoder returns them in."""
    states: Tensor
    """(B, S, width)"""
    mask: Tensor
    """(B, S), 1 for tokens, 0 for padding."""

    def rows(self, places: Tensor) -> dict[str, object]:
        """The contexts at (R) places, as arguments of the model; one may serve several rows."""
        states = self.kind(
            last_hidden_state=self.states.index_select(0, places.to(self.states.device))
        )
        return {"encoder_outputs": states, "attention_mask": self.mask.index_select(0, places)}


def encode_contexts(model: PreTrainedModel, contexts: Sequence[Tokens]) -> Encoded:
    """One pass of the encoder; contexts are padded to the right, where no token looks."""
    shape = (len(contexts), max(map(len, contexts)))
    tokens = torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros(shape, dtype=torch.long)
    for row, context in enumerate(contexts):
        tokens[row, : len(context)] = torch.tensor(context)
        mask[row, : len(context)] = 1
    tokens, mask = tokens.to(model.device), mask.to(model.device)
    output = model.get_encoder()(input_ids=tokens, attention_mask=mask)
    return Encoded(type(output), output.last_hidden_state, mask)


def decoder_beginning(model: PreTrainedModel, opening: Tokens) -> Tokens:
    """The tokens that stand before everything a decoder writes.

    Args:
        model: its settings name the first one (T5's is the padding token, BART's the end token).
        opening: what its tokenizer puts before a text; it follows, unless the settings force
            another token there (`forced_bos_token_id`).

    Raises:
        UsageError: no setting names the first one.
    """
    start = _setting(model, "decoder_start_token_id")
    start = _setting(model, "bos_token_id") if start is None else start
    if start is None:
        raise UsageError(
            "the model's configuration names no decoder_start_token_id, so nothing says how an "
            "answer begins.",
            hint="Add it to its generation_config.json: T5 begins with its padding token.",
        )
    forced = _setting(model, "forced_bos_token_id")
    after = opening if forced is None else (forced,)
    return after if after[:1] == (start,) else (start, *after)


def _setting(model: PreTrainedModel, name: str) -> int | None:
    """A token of the generation settings, else of the configuration."""
    for settings in (model.generation_config, model.config):
        value = getattr(settings, name, None)
        if isinstance(value, int):
            return value
    return None
