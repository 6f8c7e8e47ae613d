"""Budget: how much one forward may hold, and what happens when that was too much."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import torch
from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.models.inference.logits_at import vocabulary_size
from harness.models.inference.packing import Placed, cut_batches

P = TypeVar("P", bound=Placed)
T = TypeVar("T")

CPU_TOKENS: Final = 1024
"""Enough for matrix kernels at their full rate; activations of more leave the caches."""
CPU_LOGIT_BYTES: Final = 64 * 2**20
CPU_POOL_BYTES: Final = 2**30
"""Of keys and values in generation: some sixty rows of a small model, whose steps then cost little
more than one row's."""
GPU_LOGIT_BYTES: Final = 2 * 2**30
GPU_SHARE: Final = 0.5
"""Of the free memory, as the estimate of a token's cost is rough."""
GPU_MAX_TOKENS: Final = 65_536


@dataclass(slots=True)
class Budget:
    """Limits of one batch; they shrink when memory runs out."""

    tokens: int
    logit_rows: int
    pooled: int = 0
    """Tokens whose keys and values are kept to write texts of several batches together; 0 where
    each batch is large enough by itself."""

    def run(self, rows: Sequence[P], work: Callable[[Sequence[P]], T]) -> Iterator[T]:
        """Yields `work(batch)` of each batch; on out-of-memory, goes on with half the budget.

        Raises:
            UsageError: a single row doesn't fit.
        """
        waiting = deque(cut_batches(rows, self.tokens, self.logit_rows))
        while waiting:
            batch = waiting.popleft()
            try:
                done = work(batch)
            except torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    length = batch[0].prefix_length + batch[0].length
                    raise out_of_memory(f"a single prompt of {length} tokens") from error
            else:
                yield done
                continue
            self._halve(batch)
            torch.cuda.empty_cache()
            rest = [placed for unfinished in (batch, *waiting) for placed in unfinished]
            waiting = deque(cut_batches(rest, self.tokens, self.logit_rows))

    def _halve(self, batch: Sequence[Placed]) -> None:
        self.tokens = max(1, min(self.tokens, sum(placed.length for placed in batch)) // 2)
        self.logit_rows = max(1, self.logit_rows // 2)


def choose_budget(model: PreTrainedModel) -> Budget:
    """A budget for the model's device: small on a CPU, from the free memory on a GPU."""
    vocabulary = vocabulary_size(model)
    if model.device.type != "cuda":
        pooled = CPU_POOL_BYTES // (_kept_per_token(model) * model.dtype.itemsize)
        return Budget(CPU_TOKENS, max(1, CPU_LOGIT_BYTES // (4 * vocabulary)), pooled)
    free, _total = torch.cuda.mem_get_info(model.device)
    tokens = int(GPU_SHARE * free / _bytes_per_token(model))
    logit_bytes = min(GPU_LOGIT_BYTES, free // 8)
    # Logits in the model's dtype, and once more in float32 for the log-sum-exp.
    return Budget(
        max(256, min(tokens, GPU_MAX_TOKENS)), max(1, int(logit_bytes // (8 * vocabulary)))
    )


def _bytes_per_token(model: PreTrainedModel) -> int:
    """A rough upper estimate of one token's activations in a forward without gradients.

    Keys and values of all layers are counted too, for prefixes and for generation.
    """
    config = model.config.get_text_config()
    hidden: int = config.hidden_size
    inner: int = getattr(config, "intermediate_size", None) or 4 * hidden
    return int((16 * hidden + 4 * inner + _kept_per_token(model)) * model.dtype.itemsize)


def _kept_per_token(model: PreTrainedModel) -> int:
    """Numbers in the keys and values of one token, in all layers."""
    config = model.config.get_text_config()
    heads: int = getattr(config, "num_attention_heads", None) or 1
    kv_heads: int = getattr(config, "num_key_value_heads", None) or heads
    size: int = getattr(config, "head_dim", None) or config.hidden_size // heads
    layers: int = config.num_hidden_layers
    return 2 * layers * kv_heads * size


def out_of_memory(what: str) -> UsageError:
    """The error for something that can't be made smaller."""
    return UsageError(
        f"memory ran out on {what}.",
        hint="Type a smaller --dtype such as bfloat16, or --device cpu.",
    )
