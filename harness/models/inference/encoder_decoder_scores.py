"""Scoring with an encoder-decoder: a prompt is read once, its labels are rows of the decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel

from harness.core.records import Request, Response
from harness.models.inference.budget import Budget
from harness.models.inference.encoder import encode_contexts
from harness.models.inference.logits_at import logits_at
from harness.models.inference.packing import Placed, collect_reads, lay_out
from harness.models.inference.scores import Scored, ScoreSheet, sum_reads
from harness.models.inference.token_tree import Row, Tokens, build_chains


@dataclass(frozen=True, slots=True)
class Context(Placed):
    """A prompt for the encoder, and what its decoder is fed after it."""

    answers: tuple[Row, ...]
    """Labels that begin alike, or have one token each, share a row."""

    @property
    def logit_rows(self) -> int:
        """See `Placed`."""
        return sum(Placed(row, 0, 0).logit_rows for row in self.answers)

    @property
    def cost(self) -> int:
        """See `Placed`: each of the decoder's rows looks at all of the prompt."""
        rows = len(self.answers)
        return rows * self.length + sum(len(row.tokens) for row in self.answers)


class EncoderDecoderScorer:
    """Scores labels by forwards over right-padded rows of the decoder.

    Padding stands to the right of all that is read, where a decoder can't see it.
    """

    def __init__(self, model: PreTrainedModel, budget: Budget, beginning: Tokens) -> None:
        self._model = model
        self._budget = budget
        self._beginning = beginning

    def score(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index, response) as batches finish."""
        sheet = ScoreSheet(requests)
        yield from sheet.without_labels()
        contexts = gather_contexts(requests, self._beginning)
        for scored in self._budget.run(contexts, self._score_batch):
            yield from sheet.enter(scored)

    @torch.inference_mode()
    def _score_batch(self, batch: Sequence[Context]) -> Scored:
        encoded = encode_contexts(self._model, [context.row.tokens for context in batch])
        rows = [Placed(row, place, 0) for place, one in enumerate(batch) for row in one.answers]
        layout = lay_out(rows, self._model.device)
        reads = collect_reads(rows, self._model.device)
        nodes = reads.nodes if layout.scatter is None else layout.scatter[reads.nodes]
        tokens = layout.pad(layout.tokens[:, None, :, None])[:, 0, :, 0]  # (R, L)
        with logits_at(self._model, nodes):
            output = self._model(
                **encoded.rows(layout.prefixes),
                decoder_input_ids=tokens,
                use_cache=False,
            )
        return sum_reads(output.logits[0], reads)


def gather_contexts(requests: Sequence[Request], beginning: Tokens) -> list[Context]:
    """Every context once, with the rows that score the labels of all requests that have it."""
    members: dict[Tokens, list[int]] = {}
    for index, request in enumerate(requests):
        if request.continuations:
            members.setdefault(request.context, []).append(index)
    contexts = []
    for context, indices in members.items():
        own = [Request(beginning, requests[index].continuations) for index in indices]
        rows = tuple(_renumber(row, indices) for row in build_chains(own))
        contexts.append(Context(Row(context, ()), 0, 0, rows))
    return contexts


def _renumber(row: Row, indices: Sequence[int]) -> Row:
    """The row with its reads by the requests' own indices."""
    return replace(
        row, reads=tuple(replace(read, request=indices[read.request]) for read in row.reads)
    )
