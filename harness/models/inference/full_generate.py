"""Generation by transformers itself, for models whose past can't be shared between rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor
from transformers import LogitsProcessorList, PreTrainedModel, StoppingCriteria

from harness.models.inference.budget import Budget
from harness.models.inference.generate import Beginning, Ending
from harness.models.inference.plain_generation import generate_plainly
from harness.models.inference.sampling import Draws
from harness.models.inference.token_tree import Read, Row, Tokens


class FullForwardGenerator:
    """Generates in batches of contexts of one length, which need no padding.

    Padding to the left would change what a recurrent state has seen. With `draws` a context is
    read once per text that is drawn after it.
    """

    def __init__(self, model: PreTrainedModel, budget: Budget, draws: Draws | None = None) -> None:
        self._model = model
        self._budget = budget
        self._draws = draws

    def generate(self, contexts: Sequence[Tokens], ending: Ending) -> Iterator[tuple[int, str]]:
        """Yields (index of the context, text) as batches finish."""
        by_length: dict[int, list[Beginning]] = defaultdict(list)
        for index, context in enumerate(contexts):
            row = Row(context, (Read(index, "", ()),))
            copies = len(self._draws.seeds[index]) if self._draws else 1
            by_length[len(context)].append(Beginning(row, 0, 0, ending.max_new_tokens, copies))
        for rows in by_length.values():
            for texts in self._budget.run(rows, partial(self._run_batch, ending)):
                yield from texts

    @torch.inference_mode()
    def _run_batch(self, ending: Ending, batch: Sequence[Beginning]) -> list[tuple[int, str]]:
        indices = [placed.index for placed in batch]
        noise = LogitsProcessorList()
        if self._draws:
            noise.append(self._draws.noise(indices))
            batch = [batch[place] for place in self._draws.places(indices)]
        contexts = torch.tensor([placed.row.tokens for placed in batch], device=self._model.device)
        stop = StopAtEnding(ending, contexts.shape[1], len(batch))
        generate_plainly(
            self._model,
            {"inputs": contexts, "attention_mask": torch.ones_like(contexts)},
            max_new_tokens=ending.max_new_tokens,
            end_ids=ending.end_ids,
            noise=noise,
            stop=stop,
        )
        return [(p.index, text or "") for p, text in zip(batch, stop.texts, strict=True)]


class StopAtEnding(StoppingCriteria):
    """Ends each row where `Ending` says so, and keeps its text."""

    def __init__(self, ending: Ending, start: int, rows: int) -> None:
        self._ending = ending
        self._start = start
        self.texts: list[str | None] = [None] * rows

    def __call__(self, input_ids: Tensor, scores: Tensor, **_unused: object) -> Tensor:
        """(B) whether each row's text is over."""
        for row, ids in enumerate(input_ids[:, self._start :].tolist()):
            if self.texts[row] is None:
                self.texts[row] = self._ending.text_if_over(ids)
        over = [text is not None for text in self.texts]
        return torch.tensor(over, device=input_ids.device)
