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
from harness.evaluation.scorers import RequestKind, ScorerPlan
from harness.models.contract import Model
from harness.prompting.answers import LabelParser
from harness.prompting.prompts import Prompter
from harness.prompting.requests import RequestBuilder
from harness.prompting.scoring import (
    content_free_prior,
    score_calibrated,
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
    scorers: ScorerPlan
    max_new_tokens: int
    hits: int = 0
    _priors: dict[str, Prior] = field(default_factory=dict)

    def evaluate(
        self, window: Sequence[Block], known_priors: Mapping[str, Prior], progress: Progress
    ) -> tuple[list[Sample], dict[str, Prior]]:
        """The window's samples, in order, and the priors that were measured on the way."""
        samples: list[Sample] = []
        priors: dict[str, Prior] = {}
        if likelihoods := self._narrow(window, "likelihood"):
            if self.calibrates:
                priors = self._measure_priors(likelihoods, known_priors)
            samples += self._score_likelihoods(likelihoods, {**known_priors, **priors}, progress)
        if texts := self._narrow(window, "text"):
            samples += self._score_texts(texts, progress)
        return samples, priors

    @property
    def calibrates(self) -> bool:
        """Whether some scorer needs priors."""
        return "calibrated" in self.scorers.scorers

    def _narrow(self, window: Sequence[Block], kind: RequestKind) -> list[Block]:
        """The window's blocks with what is asked of this kind; none where nothing is."""
        if kind not in self.scorers.kinds:
            return []
        narrowed = (self.scorers.narrow(block, kind) for block in window)
        return [block for block in narrowed if block.examples]

    def _score_likelihoods(
        self, window: Sequence[Block], priors: Mapping[str, Prior], progress: Progress
    ) -> Iterator[Sample]:
        cells = [list(block.cells()) for block in window]
        requests = [
            request
            for block, block_cells in zip(window, cells, strict=True)
            for request in self._requests(block, block_cells)
        ]
        responses = self._answer(requests, f"loglik/{self.model.info.dtype}", None, progress)
        flat = (cell for block_cells in cells for cell in block_cells)
        for cell, response in zip(flat, responses, strict=True):
            if self.calibrates:
                yield score_calibrated(cell, response, priors[cell.variant.id])
            if "loglik" in self.scorers.scorers:
                yield score_loglik(cell, response)

    def _score_texts(self, window: Sequence[Block], progress: Progress) -> Iterator[Sample]:
        # Answers stop as soon as a label is decided, so tasks with other labels go apart.
        for task_name in dict.fromkeys(block.task.name for block in window):
            tools = self.tools[task_name]
            own = (block for block in window if block.task.name == task_name)
            flat = [cell for block in own for cell in block.cells()]
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
