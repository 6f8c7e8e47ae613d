"""Generation with an encoder-decoder: transformers' own, after one pass of the encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from transformers import LogitsProcessorList, PreTrainedModel

from harness.models.inference.budget import Budget
from harness.models.inference.encoder import encode_contexts
from harness.models.inference.full_generate import StopAtEnding
from harness.models.inference.generate import Beginning, Ending
from harness.models.inference.plain_generation import generate_plainly
from harness.models.inference.sampling import Draws
from harness.models.inference.token_tree import Read, Row, Tokens


class EncoderDecoderGenerator:
    """Generates in batches; with `draws`, a context is read once for all texts drawn after it."""

    def __init__(
        self, model: PreTrainedModel, budget: Budget, beginning: Tokens, draws: Draws | None = None
    ) -> None:
        self._model = model
        self._budget = budget
        self._beginning = beginning
        self._draws = draws

    def generate(self, contexts: Sequence[Tokens], ending: Ending) -> Iterator[tuple[int, str]]:
        """Yields (index of the context, text) as batches finish."""
        rows = [
            Beginning(
                Row(context, (Read(index, "", ()),)),
                0,
                0,
                len(self._beginning) + ending.max_new_tokens,
                len(self._draws.seeds[index]) if self._draws else 1,
            )
            for index, context in enumerate(contexts)
        ]
        for texts in self._budget.run(rows, partial(self._run_batch, ending)):
            yield from texts

    @torch.inference_mode()
    def _run_batch(self, ending: Ending, batch: Sequence[Beginning]) -> list[tuple[int, str]]:
        indices = [placed.index for placed in batch]
        encoded = encode_contexts(self._model, [placed.row.tokens for placed in batch])
        noise = LogitsProcessorList()
        places = list(range(len(batch)))
        if self._draws:
            noise.append(self._draws.noise(indices))
            places = self._draws.places(indices)
        begun = torch.tensor([self._beginning] * len(places), device=self._model.device)
        stop = StopAtEnding(ending, len(self._beginning), len(places))
        read = encoded.rows(torch.tensor(places, device=self._model.device))
        generate_plainly(
            self._model,
            {**read, "decoder_input_ids": begun},
            max_new_tokens=ending.max_new_tokens,
            end_ids=ending.end_ids,
            start=self._beginning[0],
            noise=noise,
            stop=stop,
        )
        texts = zip(places, stop.texts, strict=True)
        return [(indices[place], text or "") for place, text in texts]
