"""Scoring by full forwards: for models whose past can't be shared between rows.

Sliding windows, recurrent states and attention that transformers doesn't let be replaced need the
whole prompt in each row. Rows are still batched, and labels that share their tokens share a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from harness.core.records import Request, Response
from harness.models.inference.budget import Budget
from harness.models.inference.logits_at import logits_at
from harness.models.inference.packing import Layout, Placed, collect_reads, lay_out
from harness.models.inference.scores import Scored, ScoreSheet, sum_reads
from harness.models.inference.token_tree import build_chains


class FullForwardScorer:
    """Scores labels by forwards over right-padded rows that begin at the prompt's first token.

    Padding stands to the right of all that is read, where a causal model can't see it.
    """

    def __init__(self, model: PreTrainedModel, budget: Budget) -> None:
        self._model = model
        self._budget = budget

    def score(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index, response) as batches finish."""
        sheet = ScoreSheet(requests)
        yield from sheet.without_labels()
        rows = [Placed(row, 0, 0) for row in build_chains(requests)]
        for scored in self._budget.run(rows, self._score_batch):
            yield from sheet.enter(scored)

    @torch.inference_mode()
    def _score_batch(self, batch: Sequence[Placed]) -> Scored:
        layout = lay_out(batch, self._model.device)
        reads = collect_reads(batch, self._model.device)
        nodes = reads.nodes if layout.scatter is None else layout.scatter[reads.nodes]
        with logits_at(self._model, nodes):
            output = self._model(
                input_ids=_padded(layout, layout.tokens),
                attention_mask=_mask(layout),
                use_cache=False,
            )
        logits: Tensor = output.logits
        return sum_reads(logits[0], reads)


def _padded(layout: Layout, packed: Tensor) -> Tensor:
    """(1, T) -> (B, L)."""
    return layout.pad(packed[:, None, :, None])[:, 0, :, 0]


def _mask(layout: Layout) -> Tensor | None:
    """(B, L) 1 where there is a token; None where there is no padding."""
    if layout.scatter is None:
        return None
    mask = torch.zeros(layout.rows * layout.longest, dtype=torch.long, device=layout.tokens.device)
    mask[layout.scatter] = 1
    return mask.view(layout.rows, layout.longest)
