"""The engine: a window of blocks goes in, scored samples come out.

Prompts are built and tokenised, known responses are taken from the cache, what is left goes to the
model once, and every response becomes a sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from harness.core.cache import ResponseCache, response_key
from harness.core.progress import NoProgress, Progress
from harness.core.records import (
    CLEAN,
    Cell,
    Example,
    Request,
    Response,
    Sample,
    Turn,
    Variant,
)
from harness.evaluation.plan import Block
from harness.evaluation.repeats import CellSampling, drawing
from harness.evaluation.scorers import RequestKind, ScorerPlan
from harness.models.contract import Asked, Model
from harness.prompting.prompts import Prompter
from harness.prompting.readers import Reader
from harness.prompting.requests import RequestBuilder
from harness.prompting.scoring import (
    content_free_prior,
    score_calibrated,
    score_draws,
    score_generate,
    score_loglik,
)

KEPT_TOGETHER: Final = 16
"""Answers of a server between two writes of the cache: what a kill can lose of them."""

Prior = dict[str, float]
Ask = Callable[[Sequence[int]], Iterator[tuple[int, Response]]]
"""From the places of requests to (index among these places, response), in any order."""
Normalize = Literal["none", "token", "byte", "pmi"]


@dataclass(frozen=True, slots=True)
class TaskTools:
    """What turns the cells of one task into requests and its responses into samples."""

    prompter: Prompter
    builder: RequestBuilder
    reader: Reader
    normalize: Normalize = "none"
    """What the options of a choice are divided by, or what is taken off."""
    instructions: Mapping[str, str] = field(default_factory=dict)
    """Instruction id -> its clean text, which stands beside a perturbed system text."""

    def prompt(self, variant: Variant, example: Example) -> str:
        """What a model sees of a cell."""
        return self._ask(variant, example.input, example.turns).text

    def prompts_of(self, cells: Sequence[Cell]) -> list[Asked]:
        """The prompt of each cell."""
        return [self._ask(one.variant, one.example.input, one.example.turns) for one in cells]

    def content_free(self, variant: Variant, inputs: Sequence[str]) -> list[Request]:
        """The labels after a variant with inputs that say nothing."""
        return self.builder.build([self._ask(variant, text, ()) for text in inputs])

    def _ask(self, variant: Variant, text: str, turns: Sequence[Turn]) -> Asked:
        if variant.target == "system" and variant.level != CLEAN:
            clean = self.instructions[variant.instruction_id]
            return self.prompter.ask(clean, text, system=variant.text, turns=turns)
        system = variant.system or None
        return self.prompter.ask(variant.text, text, system=system, turns=turns)

    def requests(self, cells: Sequence[Cell]) -> list[Request]:
        """What a model is asked for each cell, its answers as continuations."""
        return self.builder.build(self.prompts_of(cells), [cell.example.words for cell in cells])

    def premises(self, cells: Sequence[Cell]) -> list[Request]:
        """The same answers after the answer cue alone."""
        cue = self.prompter.answer_cue or "Answer:"
        asked = Asked(cue, special=self.prompter.special_tokens)
        return self.builder.build([asked] * len(cells), [cell.example.words for cell in cells])

    def lengths(self, cell: Cell, request: Request) -> Mapping[str, float] | None:
        """What the log-likelihood of each answer is divided by; None for nothing."""
        if self.normalize == "token":
            return {name: len(tokens) for name, tokens in request.continuations.items()}
        if self.normalize == "byte":
            return {name: len(said.encode()) for name, said in cell.example.words.items()}
        return None


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
    sampling: CellSampling | None = None
    """How texts are drawn; None: greedily."""
    hits: int = 0
    _priors: dict[str, Prior] = field(default_factory=dict)

    def evaluate(
        self, window: Sequence[Block], known_priors: Mapping[str, Prior], progress: Progress
    ) -> tuple[list[Sample], dict[str, Prior]]:
        """The window's samples, in order, and the priors that were measured on the way."""
        samples: list[Sample] = []
        priors: dict[str, Prior] = {}
        if likelihoods := self._narrow(window, "likelihood"):
            calibrated = [b for b in likelihoods if "calibrated" in self.scorers.of(b.task)]
            if calibrated:
                priors = self._measure_priors(calibrated, known_priors)
            samples += self._score_likelihoods(likelihoods, {**known_priors, **priors}, progress)
        if texts := self._narrow(window, "text"):
            samples += self._score_texts(texts, progress)
        return samples, priors

    @property
    def calibrates(self) -> bool:
        """Whether some scorer needs priors."""
        return "calibrated" in self.scorers.scorers

    def _narrow(self, window: Sequence[Block], kind: RequestKind) -> list[Block]:
        """The window's blocks with what is asked of this kind."""
        narrowed = (self.scorers.narrow(block, kind) for block in window)
        return [block for block in narrowed if block.examples]

    def _score_likelihoods(
        self, window: Sequence[Block], priors: Mapping[str, Prior], progress: Progress
    ) -> Iterator[Sample]:
        asked: list[tuple[Block, Cell, Request]] = []
        for block in window:
            cells = list(block.cells())
            requests = self.tools[block.task.name].requests(cells)
            asked += [(block, *pair) for pair in zip(cells, requests, strict=True)]
        settings = f"loglik/{self.model.info.dtype}"
        responses = self._answer([one for *_, one in asked], settings, None, progress)
        without_question = self._score_premises(window)
        for (block, cell, request), response in zip(asked, responses, strict=True):
            scorers = self.scorers.of(block.task)
            if "calibrated" in scorers:
                yield score_calibrated(cell, response, priors[cell.variant.id])
            if "loglik" in scorers:
                lengths = self.tools[block.task.name].lengths(cell, request)
                prior = without_question.get((cell.variant.id, cell.example.id))
                yield score_loglik(cell, response, prior, lengths)

    def _score_premises(self, window: Sequence[Block]) -> dict[tuple[str, str], Prior]:
        """(variant id, example id) -> what each option has without its question, where wanted."""
        cells: list[Cell] = []
        requests: list[Request] = []
        for block in window:
            tools = self.tools[block.task.name]
            if tools.normalize == "pmi":
                own = list(block.cells())
                cells += own
                requests += tools.premises(own)
        settings = f"loglik/{self.model.info.dtype}"
        responses = self._answer(requests, settings, None, NoProgress())
        return {
            (cell.variant.id, cell.example.id): dict(response.scores or {})
            for cell, response in zip(cells, responses, strict=True)
        }

    def _score_texts(self, window: Sequence[Block], progress: Progress) -> Iterator[Sample]:
        # Answers stop as soon as a label is decided, so tasks with other labels go apart.
        for task_name in dict.fromkeys(block.task.name for block in window):
            tools = self.tools[task_name]
            own = (block for block in window if block.task.name == task_name)
            flat = [cell for block in own for cell in block.cells()]
            if self.sampling is not None:
                yield from self._score_draws(flat, tools, self.sampling, progress)
                continue
            prompts = tools.prompts_of(flat)
            limit = tools.reader.max_new_tokens or self.max_new_tokens
            settings = f"generate/{self.model.info.dtype}/{limit}/{tools.reader.settings}"
            requests = tools.builder.contexts(prompts)
            responses = self._answer(requests, settings, tools.reader, progress)
            texts = [response.text or "" for response in responses]
            grades = tools.reader.read_all(texts, [cell.example for cell in flat])
            for cell, text, grade in zip(flat, texts, grades, strict=True):
                yield score_generate(cell, text, grade)

    def _score_draws(
        self, cells: Sequence[Cell], tools: TaskTools, sampling: CellSampling, progress: Progress
    ) -> Iterator[Sample]:
        repeats, reader = sampling.repeats, tools.reader
        flat = [cell for cell in cells for _ in range(repeats)]
        seeds = [sampling.seed_of(cell, n) for cell in cells for n in range(repeats)]
        contexts = tools.builder.contexts(tools.prompts_of(cells))
        requests = [context for context in contexts for _ in range(repeats)]
        limit = reader.max_new_tokens or self.max_new_tokens
        settings = (
            f"draw/{self.model.info.dtype}/{limit}/{sampling.temperature!r}/{reader.settings}"
        )
        keys = [
            response_key(request, f"{settings}/{seed}")
            for request, seed in zip(requests, seeds, strict=True)
        ]

        def ask(places: Sequence[int]) -> Iterator[tuple[int, Response]]:
            return drawing(self.model).draw(
                [requests[place] for place in places],
                [seeds[place] for place in places],
                temperature=sampling.temperature,
                max_new_tokens=limit,
                is_done=reader.is_decided,
            )

        # Progress counts cells, not draws.
        responses = self._look_up(keys, ask, NoProgress())
        progress.advance(len(cells))
        texts = [response.text or "" for response in responses]
        grades = reader.read_all(texts, [cell.example for cell in flat])
        for n, cell in enumerate(cells):
            own = slice(n * repeats, (n + 1) * repeats)
            yield score_draws(cell, texts[own], grades[own])

    def _measure_priors(
        self, window: Sequence[Block], known: Mapping[str, Prior]
    ) -> dict[str, Prior]:
        blocks = {b.variant.id: b for b in window if b.variant.id not in known}
        requests: list[Request] = []
        for block in blocks.values():
            tools = self.tools[block.task.name]
            inputs = block.task.content_free_inputs()
            requests += tools.content_free(block.variant, inputs)
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
        reader: Reader | None,
        progress: Progress,
    ) -> list[Response]:
        """The responses to the requests, each distinct one computed once at most."""
        keys = [response_key(request, settings) for request in requests]

        def ask(places: Sequence[int]) -> Iterator[tuple[int, Response]]:
            return self._ask_model([requests[place] for place in places], reader)

        return self._look_up(keys, ask, progress)

    def _look_up(self, keys: Sequence[bytes], ask: Ask, progress: Progress) -> list[Response]:
        """The responses of these keys, from the cache, or asked for."""
        answers = self.cache.get(list(dict.fromkeys(keys)))
        wanted = {key: place for place, key in enumerate(keys) if key not in answers}
        waiting = Counter(key for key in keys if key in wanted)
        self.hits += len(keys) - len(wanted)
        progress.reuse(len(keys) - waiting.total())
        order = list(wanted)
        with self._keeping() as keep:
            for index, response in ask(list(wanted.values())) if wanted else ():
                answers[order[index]] = response
                keep(order[index], response)
                progress.advance(1)
                progress.reuse(waiting[order[index]] - 1)
        return [answers[key] for key in keys]

    @contextmanager
    def _keeping(self) -> Iterator[Callable[[bytes, Response], None]]:
        """Keeps responses in the cache: a server's soon and whatever happens, as they are paid."""
        fresh: dict[bytes, Response] = {}
        most = KEPT_TOGETHER if self.model.info.offer.is_served else None

        def keep(key: bytes, response: Response) -> None:
            fresh[key] = response
            if len(fresh) == most:
                self.cache.put(fresh)
                fresh.clear()

        try:
            yield keep
        finally:
            self.cache.put(fresh)

    def _ask_model(
        self, requests: Sequence[Request], reader: Reader | None
    ) -> Iterator[tuple[int, Response]]:
        if reader is None:
            return self.model.loglik(requests)
        return self.model.generate(
            requests,
            max_new_tokens=reader.max_new_tokens or self.max_new_tokens,
            is_done=reader.is_decided,
            stop=reader.stop,
        )
