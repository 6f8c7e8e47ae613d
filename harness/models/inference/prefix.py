"""Scoring with prefix reuse: a shared prefix is computed once, and every row attends to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from harness.core.records import Request, Response
from harness.models.inference.attention import PackedAttention, Prefixes, RowAttention
from harness.models.inference.budget import Budget, out_of_memory
from harness.models.inference.logits_at import logits_at
from harness.models.inference.packing import Placed, collect_reads, lay_out
from harness.models.inference.prefix_groups import (
    Group,
    fill_waves,
    group_requests,
    place_rows,
    shared_root,
)
from harness.models.inference.scores import Scored, ScoreSheet, sum_reads
from harness.models.inference.token_tree import Row, Tokens


class PrefixScorer:
    """Scores labels in packed batches of a model that is set to the packed attention."""

    def __init__(self, model: PreTrainedModel, budget: Budget) -> None:
        self._model = model
        self._budget = budget
        self.windows: dict[int, int | None] = {}
        """The sliding window that each layer asked for."""

    def score(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index, response) as batches finish."""
        return self.score_groups(group_requests(requests), requests)

    def score_groups(
        self, groups: Sequence[Group], requests: Sequence[Request]
    ) -> Iterator[tuple[int, Response]]:
        """As `score`, with the prefixes and rows given."""
        sheet = ScoreSheet(requests)
        yield from sheet.without_labels()
        root = run_root(self._model, groups)
        for wave in fill_waves(groups, self._budget.tokens):
            for part, prefixes in with_prefixes(self._model, wave, root):
                work = partial(self._score_batch, prefixes)
                for scored in self._budget.run(place_rows(part), work):
                    yield from sheet.enter(scored)

    @torch.inference_mode()
    def _score_batch(self, prefixes: Prefixes | None, batch: Sequence[Placed]) -> Scored:
        layout = lay_out(batch, self._model.device)
        reads = collect_reads(batch, self._model.device)
        attention = RowAttention(layout, prefixes, windows=self.windows)
        logits = run_packed(self._model, layout.tokens, layout.positions, attention, reads.nodes)
        return sum_reads(logits, reads)


@dataclass(frozen=True, slots=True)
class Root:
    """What all prefixes begin with: few-shot examples, or the instruction before long inputs."""

    tokens: Tokens
    past: Prefixes


def run_root(model: PreTrainedModel, groups: Sequence[Group]) -> Root | None:
    """The groups' root, computed once; None where it would save too little or does not fit."""
    tokens = shared_root([group.prefix for group in groups if group.prefix])
    if not tokens:
        return None
    try:
        past = _run_prefixes(model, [tokens], None)
    except torch.OutOfMemoryError:
        return None
    return None if past is None else Root(tokens, past)


def with_prefixes(
    model: PreTrainedModel, wave: Sequence[Group], root: Root | None
) -> Iterator[tuple[Sequence[Group], Prefixes | None]]:
    """Yields the groups with their prefixes computed, in halves where memory runs out.

    Raises:
        UsageError: a single prefix doesn't fit.
    """
    try:
        prefixes = _run_prefixes(model, [group.prefix for group in wave], root)
    except torch.OutOfMemoryError as error:
        if len(wave) == 1:
            what = f"the {len(wave[0].prefix)} tokens that prompts share"
            raise out_of_memory(what) from error
    else:
        yield wave, prefixes
        return
    torch.cuda.empty_cache()
    middle = len(wave) // 2
    yield from with_prefixes(model, wave[:middle], root)
    yield from with_prefixes(model, wave[middle:], root)


@torch.inference_mode()
def _run_prefixes(
    model: PreTrainedModel, prefixes: Sequence[Tokens], root: Root | None
) -> Prefixes | None:
    """Keys and values of the prefixes, computed in one forward; None where they are empty.

    All that are not empty begin with the root, and go on after it.
    """
    if not any(prefixes):
        return None
    kept = Prefixes(tuple(map(len, prefixes)))
    known = len(root.tokens) if root else 0
    rows = [Placed(Row(prefix[known:], ()), 0, known) for prefix in prefixes]
    layout = lay_out(rows, model.device)
    unread = torch.zeros(1, dtype=torch.long, device=model.device)
    attention = RowAttention(layout, root.past if root else None, keep=kept.layers)
    run_packed(model, layout.tokens, layout.positions, attention, unread)
    return kept


def run_packed(
    model: PreTrainedModel,
    tokens: Tensor,
    positions: Tensor,
    attention: PackedAttention,
    nodes: Tensor,
) -> Tensor:
    """One forward over (1, T) packed tokens: the (N, V) logits at the packed indices `nodes`."""
    with logits_at(model, nodes):
        output = model(input_ids=tokens, position_ids=positions, use_cache=False, packed=attention)
    logits: Tensor = output.logits
    return logits[0]
