"""The engine: a window of blocks goes in, scored samples come out.

Prompts are built and tokenised, known responses are taken from the cache, what is left goes to the
model once, and every response becomes a sample.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.cache import ResponseCache, response_key
from harness.core.progress import NoProgress, Progress
from harness.core.records import Cell, Request, Response, Sample
from harness.evaluation.plan import Block
from harness.models.contract import Model
from harness.prompting.answers import LabelParser
from harness.prompting.prompts import Prompter
from harness.prompting.requests import RequestBuilder
from harness.prompting.scoring import (
    Scorer,
    content_free_prior,
    score_generate,
    score_loglik,
)

Prior = dict[str, float]


@dataclass(frozen=True, slots=True)
class TaskTools:
    """What turns the cells of one task into requests and its responses into samples."""

    prompter: Prompter
    builder: RequestBuilder
    parser: LabelParser


@dataclass(slots=True)
class Engine:
    """Evaluates windows on one model.

    `hits` counts responses that were not computed: known from the cache, or equal to another
    prompt of the window.
    """

    model: Model
    cache: ResponseCache
    tools: Mapping[str, TaskTools]
    """Task name -> its tools."""
    scorers: tuple[Scorer, ...]
    max_new_tokens: int
    calibrate: bool = False
    hits: int = 0
    _priors: dict[str, Prior] = field(default_factory=dict)

    def evaluate(
        self, window: Sequence[Block], known_priors: Mapping[str, Prior], progress: Progress
    ) -> tuple[list[Sample], dict[str, Prior]]:
        """The window's samples, in order, and the priors that were measured on the way."""
        samples: list[Sample] = []
        priors: dict[str, Prior] = {}
        cells = [list(block.cells()) for block in window]
        if "loglik" in self.scorers:
            if self.calibrate:
                priors = self._measure_priors(window, known_priors)
            samples += self._score_loglik(window, cells, {**known_priors, **priors}, progress)
        if "generate" in self.scorers:
            samples += self._score_generate(window, cells, progress)
        return samples, priors

    def _score_loglik(
        self,
        window: Sequence[Block],
        cells: Sequence[Sequence[Cell]],
        priors: Mapping[str, Prior],
        progress: Progress,
    ) -> Iterator[Sample]:
        requests = [
            request
            for block, block_cells in zip(window, cells, strict=True)
            for request in self._requests(block, block_cells)
        ]
        responses = self._answer(requests, f"loglik/{self.model.info.dtype}", None, progress)
        flat = (cell for block_cells in cells for cell in block_cells)
        for cell, response in zip(flat, responses, strict=True):
            yield score_loglik(cell, response, priors.get(cell.variant.id))

    def _score_generate(
        self, window: Sequence[Block], cells: Sequence[Sequence[Cell]], progress: Progress
    ) -> Iterator[Sample]:
        # Answers stop as soon as a label is decided, so tasks with other labels go apart.
        for task_name in dict.fromkeys(block.task.name for block in window):
            own = [(b, c) for b, c in zip(window, cells, strict=True) if b.task.name == task_name]
            tools = self.tools[own[0][0].task.name]
            flat = [cell for _, block_cells in own for cell in block_cells]
            prompts = [
                tools.prompter.prompt(cell.variant.text, cell.example.input) for cell in flat
            ]
            words = json.dumps(list(tools.prompter.verbalizer_of.values()))
            settings = f"generate/{self.model.info.dtype}/{self.max_new_tokens}/{words}"
            requests = tools.builder.contexts(prompts)
            responses = self._answer(requests, settings, tools.parser, progress)
            for cell, response in zip(flat, responses, strict=True):
                yield score_generate(cell, response, tools.parser.parse)

    def _requests(self, block: Block, cells: Sequence[Cell]) -> list[Request]:
        tools = self.tools[block.task.name]
        prompts = [tools.prompter.prompt(block.variant.text, cell.example.input) for cell in cells]
        return tools.builder.build(prompts)

    def _measure_priors(
        self, window: Sequence[Block], known: Mapping[str, Prior]
    ) -> dict[str, Prior]:
        blocks = {b.variant.id: b for b in window if b.variant.id not in known}
        requests: list[Request] = []
        for block in blocks.values():
            tools = self.tools[block.task.name]
            inputs = block.task.content_free_inputs()
            prompts = [tools.prompter.prompt(block.variant.text, text) for text in inputs]
            requests += tools.builder.build(prompts)
        settings = f"loglik/{self.model.info.dtype}"
        answers = self._answer(requests, settings, None, NoProgress())
        step = len(answers) // max(len(blocks), 1)
        scores = [response.scores or {} for response in answers]
        return {
            variant_id: content_free_prior(scores[n * step : (n + 1) * step])
            for n, variant_id in enumerate(blocks)
        }

    def _answer(
        self,
        requests: Sequence[Request],
        settings: str,
        parser: LabelParser | None,
        progress: Progress,
    ) -> list[Response]:
        """The responses to the requests, each distinct one computed once at most."""
        keys = [response_key(request, settings) for request in requests]
        answers = self.cache.get(list(dict.fromkeys(keys)))
        wanted = {
            key: request for key, request in zip(keys, requests, strict=True) if key not in answers
        }
        waiting = Counter(key for key in keys if key in wanted)
        self.hits += len(keys) - len(wanted)
        progress.reuse(len(keys) - waiting.total())
        fresh: dict[bytes, Response] = {}
        order = list(wanted)
        for index, response in self._ask_model(list(wanted.values()), parser):
            fresh[order[index]] = response
            progress.advance(1)
            progress.reuse(waiting[order[index]] - 1)
        self.cache.put(fresh)
        answers |= fresh
        return [answers[key] for key in keys]

    def _ask_model(
        self, requests: Sequence[Request], parser: LabelParser | None
    ) -> Iterator[tuple[int, Response]]:
        if not requests:
            return iter(())
        if parser is None:
            return self.model.loglik(requests)
        return self.model.generate(
            requests, max_new_tokens=self.max_new_tokens, is_done=parser.is_decided
        )
