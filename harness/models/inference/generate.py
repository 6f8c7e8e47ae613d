"""Generation with prefix reuse, greedy or drawn; rows that are finished leave the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from torch import Tensor
from transformers import PreTrainedModel

from harness.models.inference.attention import KeysValues, Prefixes, RowAttention
from harness.models.inference.budget import Budget
from harness.models.inference.decoding import Past, StepAttention
from harness.models.inference.packing import Placed, lay_out
from harness.models.inference.prefix import run_packed, run_root, with_prefixes
from harness.models.inference.prefix_groups import fill_waves, group_contexts, place_rows
from harness.models.inference.sampling import Draws, GumbelNoise
from harness.models.inference.token_tree import Tokens

Choose = Callable[[Tensor, Sequence[int]], Tensor]
"""From (B, V) logits, and which text each row belongs to, to (B) tokens."""

_LEAVE_BELOW: Final = 0.75
"""Share of unfinished rows at which the others leave: leaving copies all keys and values."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When a generated text is over."""

    max_new_tokens: int
    end_ids: frozenset[int]
    decode: Callable[[Sequence[int]], str]
    is_done: Callable[[str], bool]
    stop: tuple[str, ...] = ()
    """Texts before which an answer ends."""

    def text_if_over(self, ids: Sequence[int]) -> str | None:
        """The text of the tokens generated so far if it is over, else None."""
        ended = ids[-1] in self.end_ids
        whole = self.decode(ids[:-1] if ended else ids)
        text = cut_before(whole, self.stop)
        if ended or text != whole or len(ids) >= self.max_new_tokens or self.is_done(text):
            return text
        return None


def cut_before(text: str, stop: Sequence[str]) -> str:
    """The text up to where the first of the stop texts begins.

    >>> cut_before("Paris.\\n\\nQuestion: and Spain?", ["Question:", "\\n\\n"])
    'Paris.'
    """
    places = [place for place in map(text.find, stop) if place >= 0]
    return text[: min(places, default=len(text))]


@dataclass(frozen=True, slots=True)
class Beginning(Placed):
    """A context to go on from, whose row names it in its only read."""

    room: int
    """How many tokens may be generated."""
    copies: int = 1
    """How many texts are written."""

    @property
    def cost(self) -> int:
        """See `Placed`: the new tokens take memory too."""
        return self.copies * (self.length + self.room)

    @property
    def index(self) -> int:
        """Which of the contexts it is."""
        return self.row.reads[0].request


@dataclass(frozen=True, slots=True)
class Begun:
    """Contexts that a model has read, up to where their texts begin."""

    indices: tuple[int, ...]
    """Which of the contexts they are."""
    past: Past
    logits: Tensor
    """(B, V) of their first new tokens."""
    last: Tensor
    """(B) where they end."""


class PrefixGenerator:
    """Generates in packed batches of a model that is set to the packed attention.

    Without `draws` each context has its likeliest text; with them, a context is read once whatever
    number of texts is drawn after it. A step costs nearly the same for one row as for many, where
    weights must be fetched from memory. So contexts are read in small batches, as scoring does, and
    their texts are written together.
    """

    def __init__(self, model: PreTrainedModel, budget: Budget, draws: Draws | None = None) -> None:
        self._model = model
        self._budget = budget
        self._draws = draws

    def generate(self, contexts: Sequence[Tokens], ending: Ending) -> Iterator[tuple[int, str]]:
        """Yields (index of the context, text) as batches finish; the contexts all differ.

        The texts that are drawn after one context come in the order of their seeds.
        """
        pooling = self._budget.pooled > 0
        pool: list[Begun] = []
        groups = group_contexts(contexts)
        root = run_root(self._model, groups)
        for wave in fill_waves(groups, self._budget.tokens):
            for part, prefixes in with_prefixes(self._model, wave, root):
                room = 0 if pooling else ending.max_new_tokens
                rows = [
                    Beginning(p.row, p.prefix, p.prefix_length, room, self._copies(p, room))
                    for p in place_rows(part)
                ]
                if not pooling:
                    for texts in self._budget.run(rows, partial(self._run, prefixes, ending)):
                        yield from texts
                    continue
                for begun in self._budget.run(rows, partial(self._begin, prefixes)):
                    pool.append(begun)
                    if self._is_full(pool, ending):
                        yield from self._end(pool, ending)
                        pool = []
        if pool:
            yield from self._end(pool, ending)

    def _copies(self, placed: Placed, room: int) -> int:
        """How many texts a batch that writes its own has to hold after a context."""
        index = placed.row.reads[0].request
        return len(self._draws.seeds[index]) if self._draws and room else 1

    def _is_full(self, pool: Sequence[Begun], ending: Ending) -> bool:
        indices = [index for begun in pool for index in begun.indices]
        rows = len(self._draws.places(indices) if self._draws else indices)
        places = max(begun.past.positions.shape[1] for begun in pool) + ending.max_new_tokens
        return rows * places >= self._budget.pooled or rows >= self._budget.logit_rows

    def _run(
        self, prefixes: Prefixes | None, ending: Ending, batch: Sequence[Beginning]
    ) -> list[tuple[int, str]]:
        return self._end([self._begin(prefixes, batch)], ending)

    @torch.inference_mode()
    def _begin(self, prefixes: Prefixes | None, batch: Sequence[Beginning]) -> Begun:
        layout = lay_out(batch, self._model.device)
        lengths = torch.tensor([placed.length for placed in batch], device=self._model.device)
        last = lengths.cumsum(0) - 1  # (B) packed index of each context's last token
        kept: dict[int, KeysValues] = {}
        logits = run_packed(
            self._model,
            layout.tokens,
            layout.positions,
            RowAttention(layout, prefixes, keep=kept),
            last,
        )
        indices = tuple(placed.index for placed in batch)
        past = Past.of(layout, prefixes, kept)
        return Begun(indices, past, logits, layout.positions[0, last])

    @torch.inference_mode()
    def _end(self, pool: Sequence[Begun], ending: Ending) -> list[tuple[int, str]]:
        attention = StepAttention.after([begun.past for begun in pool], ending.max_new_tokens)
        logits = torch.cat([begun.logits for begun in pool])
        last = torch.cat([begun.last for begun in pool])
        indices = [index for begun in pool for index in begun.indices]
        choose: Choose = _likeliest
        if self._draws:
            choose = partial(_draw, self._draws.noise(indices))
            places = self._draws.places(indices)
            repeated = torch.tensor(places, device=logits.device)
            attention.keep_rows(repeated)
            logits, last = logits[repeated], last[repeated]
            indices = [indices[place] for place in places]
        texts = self._decode(attention, logits, last, ending, choose)
        return list(zip(indices, texts, strict=True))

    def _decode(
        self,
        attention: StepAttention,
        logits: Tensor,
        positions: Tensor,
        ending: Ending,
        choose: Choose,
    ) -> list[str]:
        """The texts that follow the (B, V) first logits of contexts that end at `positions`."""
        texts: list[str | None] = [None] * len(logits)
        ids: list[list[int]] = [[] for _ in texts]
        rows = list(range(len(texts)))  # which text each row of the batch belongs to
        while True:
            chosen = choose(logits, rows)
            for row, token in zip(rows, chosen.tolist(), strict=True):
                if texts[row] is None:
                    ids[row].append(token)
                    texts[row] = ending.text_if_over(ids[row])
            live = [place for place, row in enumerate(rows) if texts[row] is None]
            if not live:
                return [text or "" for text in texts]
            if len(live) < _LEAVE_BELOW * len(rows):
                rows = [rows[place] for place in live]
                staying = torch.tensor(live, device=chosen.device)
                attention.keep_rows(staying)
                chosen, positions = chosen[staying], positions[staying]
            positions = positions + 1
            attention.begin(positions)
            everywhere = torch.arange(len(rows), device=chosen.device)
            logits = run_packed(self._model, chosen[None], positions[None], attention, everywhere)


def _likeliest(logits: Tensor, _rows: Sequence[int]) -> Tensor:
    return logits.argmax(dim=-1)


def _draw(noise: GumbelNoise, logits: Tensor, rows: Sequence[int]) -> Tensor:
    return noise.draw(logits, rows).argmax(dim=-1)
