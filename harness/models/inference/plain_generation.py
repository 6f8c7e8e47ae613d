"""Plain greedy decoding by transformers, whatever a checkpoint's own generation settings are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)


def generate_plainly(
    model: PreTrainedModel,
    inputs: Mapping[str, object],
    *,
    max_new_tokens: int,
    end_ids: frozenset[int],
    start: int | None = None,
    noise: LogitsProcessorList | None = None,
    stop: StoppingCriteria | None = None,
) -> Tensor:
    """Greedy texts of a batch.

    Args:
        model: it generates.
        inputs: what it reads, by the names of its arguments.
        max_new_tokens: of one text.
        end_ids: tokens that end a text.
        start: the token that a decoder beside an encoder begins with.
        noise: what turns the likeliest token into a draw.
        stop: what else ends a text.

    Returns:
        (B, L) tokens, those that a text went on from included.
    """
    ends = sorted(end_ids)
    settings = GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if ends else 0,
        decoder_start_token_id=start,
    )
    with _without_own_settings(model):
        tokens: Tensor = model.generate(  # type: ignore[operator]  # a mixin that the type doesn't show
            **inputs,
            generation_config=settings,
            logits_processor=noise or LogitsProcessorList(),
            stopping_criteria=StoppingCriteriaList([stop] if stop else []),
        )
    return tokens


@contextmanager
def _without_own_settings(model: PreTrainedModel) -> Iterator[None]:
    """Hides the checkpoint's settings: what a call leaves open is filled in from them.

    A ban on repeats, or the end that BART forces after a number of tokens, would change texts.
    """
    own = model.generation_config
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own
