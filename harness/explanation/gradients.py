"""Gradient x input of an answer's probability, in batches, on a local model.

Weights want no gradient, so a backward pass costs about what a forward pass does. Rows are padded
at their right, where a causal model never looks, and one backward pass serves an answer token of
every row of a batch: rows know nothing of each other. Of an encoder-decoder the prompt is what the
encoder reads, padding masked, and the decoder is given what it begins with and the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.explanation.batches import Asked, in_batches, is_out_of_memory
from harness.explanation.density import Floats
from harness.explanation.differentiable import differentiable
from harness.models.inference.logits_at import logits_at
from harness.models.inference.token_tree import Tokens


@dataclass(frozen=True, slots=True)
class Attributed:
    """What each token of a prompt did for each token of an answer."""

    importance: Floats
    """[N, M]: the gradient of p(y_m | x, y_<m) times the embedding of x_n, over its width."""
    logp: float
    """Log-probability of the answer in nats."""


def attribute(
    model: PreTrainedModel, asked: Sequence[Asked], beginning: Tokens = ()
) -> Iterator[tuple[int, Attributed]]:
    """Yields (index, what its tokens did) of each prompt with its answer, in any order.

    Args:
        model: A language model; its weights stay as they are.
        asked: Prompts with their answers.
        beginning: What an encoder-decoder's decoder begins with.

    Raises:
        UsageError: no gradient reaches the prompt, it is not finite, or memory does not hold even
            one prompt.
    """
    with differentiable(model):
        yield from in_batches(model, asked, lambda batch: _attribute(model, batch, beginning))


@contextmanager
def embeddings_of(
    model: PreTrainedModel, change: Callable[[Tensor], Tensor]
) -> Iterator[list[Tensor]]:
    """Hands the prompts' embeddings (B, L, width) to `change` and keeps what it made.

    An encoder-decoder may embed the answer by the same layer, after the prompt: it is let through.
    """
    seen: list[Tensor] = []
    has_encoder = bool(model.config.is_encoder_decoder)

    def replace(_layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        if has_encoder and seen:
            return output
        seen.append(change(output))
        return seen[-1]

    side = model.get_encoder() if has_encoder else model
    handle = side.get_input_embeddings().register_forward_hook(replace)
    try:
        yield seen
    finally:
        handle.remove()


def answer_logps(model: PreTrainedModel, batch: Sequence[Asked], beginning: Tokens = ()) -> Tensor:
    """The log-probability of each answer token, with its gradient.

    Args:
        model: The model.
        batch: B prompts with answers of M tokens at most.
        beginning: What an encoder-decoder's decoder begins with; empty for a decoder.

    Returns:
        [B, M] in nats, 0 beyond an answer's end.
    """
    device = model.device
    heads = [beginning or one.context for one in batch]
    read = _pad([(*head, *one.answer[:-1]) for head, one in zip(heads, batch, strict=True)])
    longest = read.shape[1]
    places = [
        (row, m, row * longest + len(heads[row]) - 1 + m, token)
        for row, one in enumerate(batch)
        for m, token in enumerate(one.answer)
    ]
    row, column, place, token = (
        torch.tensor(side, device=device) for side in zip(*places, strict=True)
    )
    with logits_at(model, place):
        if beginning:
            contexts = [one.context for one in batch]
            output = model(
                input_ids=_pad(contexts).to(device),
                attention_mask=_pad([(1,) * len(context) for context in contexts]).to(device),
                decoder_input_ids=read.to(device),
                use_cache=False,
            )
        else:
            output = model(input_ids=read.to(device), use_cache=False)
    logits: Tensor = output.logits[0]
    wide = logits if logits.dtype == torch.float64 else logits.float()
    picked = wide.log_softmax(-1).gather(1, token[:, None])[:, 0]
    logps = picked.new_zeros(len(batch), max(len(one.answer) for one in batch))
    return logps.index_put((row, column), picked)


def _pad(rows: Sequence[Tokens]) -> Tensor:
    """(B, L) tokens, with zeros at the right."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])


def _attribute(
    model: PreTrainedModel, batch: Sequence[Asked], beginning: Tokens
) -> list[Attributed]:
    with torch.enable_grad(), embeddings_of(model, _as_leaf) as seen:
        logps = answer_logps(model, batch, beginning)
        probabilities = logps.exp()
        columns = [
            _times_input(probabilities, m, seen[0], last=m == probabilities.shape[1] - 1)
            for m in range(probabilities.shape[1])
        ]
    importance = torch.stack(columns, dim=-1).double().cpu().numpy()
    if not np.isfinite(importance).all():
        raise UsageError(
            "the model's gradients are not finite numbers.",
            hint="Run it with --dtype float32 or bfloat16, and explain that run.",
        )
    totals = logps.sum(dim=1).tolist()
    return [
        Attributed(importance[row, : len(one.context), : len(one.answer)], totals[row])
        for row, one in enumerate(batch)
    ]


def _times_input(probabilities: Tensor, m: int, embeddings: Tensor, *, last: bool) -> Tensor:
    """(B, L) gradient of the m-th answer token's probability, times the input."""
    try:
        (gradient,) = torch.autograd.grad(
            probabilities[:, m].sum(), embeddings, retain_graph=not last
        )
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise UsageError(
            f"no gradient reaches the prompt through this model: {str(error).splitlines()[0]}",
            hint="Explain a run of the same weights that are not quantised, in transformers.",
        ) from error
    wide = torch.promote_types(gradient.dtype, torch.float32)
    return (gradient.to(wide) * embeddings.detach().to(wide)).sum(dim=-1)


def _as_leaf(embeddings: Tensor) -> Tensor:
    return embeddings.detach().requires_grad_()
