"""Sampled text: greedy generation over logits with seeded noise.

The largest of logits plus independent Gumbel noise is a draw from their softmax (Gumbel 1954), so
that no global generator is read, and each text has a generator of its own: what is drawn for one
does not depend on which others are in its batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel

from harness.models.contract import Sampling
from harness.models.inference.plain_generation import generate_plainly
from harness.models.inference.token_tree import Tokens

_BATCH = 16


def sample_texts(
    model: PreTrainedModel,
    contexts: Sequence[Tokens],
    seeds: Sequence[int],
    sampling: Sampling,
    *,
    end_ids: frozenset[int],
    decode: Callable[[Sequence[int]], str],
) -> list[str]:
    """One text a context, each drawn by its own seed."""
    texts = [""] * len(contexts)
    for batch in _batches(contexts):
        asked = torch.tensor([contexts[index] for index in batch], device=model.device)
        noise = GumbelNoise(sampling, [seeds[index] for index in batch])
        with torch.inference_mode():
            whole = generate_plainly(
                model,
                {"inputs": asked, "attention_mask": torch.ones_like(asked)},
                max_new_tokens=sampling.max_new_tokens,
                end_ids=end_ids,
                noise=LogitsProcessorList([noise]),
            )
        for index, row in zip(batch, whole[:, asked.shape[1] :].tolist(), strict=True):
            end = next((place for place, token in enumerate(row) if token in end_ids), len(row))
            texts[index] = decode(row[:end])
    return texts


@dataclass(frozen=True, slots=True)
class Draws:
    """Texts that are drawn, in place of the likeliest one of each context."""

    temperature: float
    """Above 0; what logits are divided by."""
    seeds: Sequence[Sequence[int]]
    """Context -> the seed of each text that is drawn after it."""

    def places(self, contexts: Sequence[int]) -> list[int]:
        """A context's place, once per text that is drawn after it.

        >>> Draws(1.0, [[5, 6], [7]]).places([1, 0])
        [0, 1, 1]
        """
        return [place for place, index in enumerate(contexts) for _ in self.seeds[index]]

    def noise(self, contexts: Sequence[int]) -> GumbelNoise:
        """Begins the texts of these contexts."""
        seeds = [seed for index in contexts for seed in self.seeds[index]]
        return GumbelNoise(Sampling(self.temperature), seeds)


class GumbelNoise(LogitsProcessor):
    """Turns the most likely next token of each row into a draw."""

    def __init__(self, sampling: Sampling, seeds: Sequence[int]) -> None:
        self._sampling = sampling
        # On the CPU, so that every device draws the same.
        self._generators = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, V) scores whose largest is a draw."""
        return self.draw(scores, range(len(scores)))

    def draw(self, scores: Tensor, rows: Sequence[int]) -> Tensor:
        """The same of some rows, by the generators of those rows."""
        logits = scores.float() / self._sampling.temperature  # (B, V)
        if self._sampling.top_p < 1:
            logits = _keep_nucleus(logits, self._sampling.top_p)
        drawn = torch.stack(
            [torch.rand(logits.shape[1], generator=self._generators[row]) for row in rows]
        )
        return logits - torch.log(-torch.log(drawn.clamp_min(1e-20))).to(logits.device)


def _keep_nucleus(logits: Tensor, top_p: float) -> Tensor:
    ordered, places = logits.sort(dim=-1, descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)  # mass of the likelier ones
    kept = ordered.masked_fill(before >= top_p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, places, kept)


def _batches(contexts: Sequence[Tokens]) -> Iterator[list[int]]:
    """Indices of contexts of one length, which need no padding, a batch at a time."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, context in enumerate(contexts):
        by_length[len(context)].append(index)
    for indices in by_length.values():
        for start in range(0, len(indices), _BATCH):
            yield indices[start : start + _BATCH]
