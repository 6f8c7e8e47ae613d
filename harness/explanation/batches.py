"""Prompts with their answers in batches that fit into memory, activations and all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

import torch
from transformers import PreTrainedModel

from harness.models.inference.budget import out_of_memory

CPU_TOKENS: Final = 512
"""Of a batch: their activations are kept for the backward pass, some gigabyte of a small model."""
GPU_SHARE: Final = 0.4
"""Of the free memory."""

T = TypeVar("T")


class Asked(Protocol):
    """A prompt and an answer to it, in tokens."""

    @property
    def context(self) -> tuple[int, ...]:
        """The prompt's tokens, one at least."""
        ...

    @property
    def answer(self) -> tuple[int, ...]:
        """The answer's tokens, one at least."""
        ...


def in_batches(
    model: PreTrainedModel, asked: Sequence[Asked], work: Callable[[Sequence[Asked]], Sequence[T]]
) -> Iterator[tuple[int, T]]:
    """Work on prompts in batches, the longest first; too little memory halves them.

    Args:
        model: For which a batch must have room.
        asked: The prompts with their answers.
        work: Makes one result of each prompt of a batch.

    Yields:
        The place of a prompt in `asked`, and its result.

    Raises:
        UsageError: memory does not hold a single one.
    """
    room = batch_tokens(model)
    waiting = sorted(range(len(asked)), key=lambda index: -_length(asked[index]))
    while waiting:
        count = max(1, room // _length(asked[waiting[0]]))
        batch = waiting[:count]
        longest = _length(asked[batch[0]])
        done: Sequence[T] | None = None
        try:
            done = work([asked[index] for index in batch])
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                raise out_of_memory(f"a single prompt of {longest} tokens") from error
        if done is None:
            # Not before here: the error's frames hold what did not fit.
            torch.cuda.empty_cache()
            room = max(1, longest * (len(batch) // 2))
            continue
        yield from zip(batch, done, strict=True)
        waiting = waiting[count:]


def batch_tokens(model: PreTrainedModel) -> int:
    """How many tokens a batch may have whose activations are kept."""
    if model.device.type != "cuda":
        return CPU_TOKENS
    config = model.config.get_text_config()
    inner: int = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    numbers = (16 * config.hidden_size + 4 * inner) * config.num_hidden_layers
    free, _total = torch.cuda.mem_get_info(model.device)
    return max(256, int(GPU_SHARE * free / (numbers * model.dtype.itemsize)))


def _length(asked: Asked) -> int:
    return len(asked.context) + len(asked.answer) - 1


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out, on a GPU or on the CPU, whose allocator has no error of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
