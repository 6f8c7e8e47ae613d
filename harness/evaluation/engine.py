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
from harness.evaluation.repeats import CellSampling
from harness.evaluation.scorers import RequestKind, ScorerPlan
from harness.models.contract import Asked, Model
from harness.models.questions import Question, Writing
from harness.prompting.prompts import Prompter
from harness.prompting.readers import AfterPrefill, Reader
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
        asked = Asked(self.prompter.premise, special=self.prompter.special_tokens)
        return self.builder.build([asked] * len(cells), [cell.example.words for cell in cells])

    @property
    def text_settings(self) -> str:
        """What texts depend on beside their prompts."""
        begun = self.prompter.begun
        return f"{self.reader.settings}/{begun}" if begun else self.reader.settings

    @property
    def ending(self) -> Callable[[str], bool]:
        """Whether what a model has written is enough; it can be sent to another machine."""
        begun = self.prompter.begun
        return AfterPrefill(begun, self.reader.ending) if begun else self.reader.ending

    def lengths(self, cell: Cell, request: Request) -> Mapping[str, float] | None:
        """What the log-likelihood of each answer is divided by; None for nothing."""
        if self.normalize == "token":
            return {name: len(tokens) for name, tokens in request.continuations.items()}
        if self.normalize == "byte":
            return {name: len(said.encode()) for name, said in cell.example.words.items()}
        return None


@dataclass(frozen=True, slots=True)
class LookUp:
    """What a window asks of the model at once, under the keys of the response cache."""

    question: Question
    keys: Sequence[bytes]
    """One per request; requests with equal keys have equal responses."""
    cells: int = 0
    """How many cells it answers, for progress: one per request, or per so many draws."""

    @property
    def counts_each(self) -> bool:
        """Whether each answer is one of a cell."""
        return self.cells == len(self.keys)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a window asks, all of it known before anything is answered."""

    priors: LookUp
    measured: Sequence[Block]
    """The blocks whose variants' priors are measured, one per variant."""
    likelihoods: LookUp
    cells: Sequence[tuple[Block, Cell, Request]]
    premises: LookUp
    unasked: Sequence[Cell]
    """The cells whose options are scored without their question, too."""
    texts: Sequence[LookUp]
    written: Sequence[tuple[TaskTools, Sequence[Cell]]]
    """Per look-up of `texts` its task's tools and cells."""
    known: Mapping[str, Prior]

    @property
    def look_ups(self) -> list[LookUp]:
        """In the order in which they are asked."""
        return [self.priors, self.likelihoods, self.premises, *self.texts]


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

    def evaluate(
        self, window: Sequence[Block], known_priors: Mapping[str, Prior], progress: Progress
    ) -> tuple[list[Sample], dict[str, Prior]]:
        """The window's samples, in order, and the priors that were measured on the way."""
        asking = self.ask(window, known_priors)
        return self.score(asking, [self._look_up(one, progress) for one in asking.look_ups])

    def ask(self, window: Sequence[Block], known_priors: Mapping[str, Prior]) -> Asking:
        """What a window asks."""
        likelihoods = self._narrow(window, "likelihood")
        measured = {
            block.variant.id: block
            for block in likelihoods
            if "calibrated" in self.scorers.of(block.task) and block.variant.id not in known_priors
        }
        cells: list[tuple[Block, Cell, Request]] = []
        for block in likelihoods:
            own = list(block.cells())
            requests = self.tools[block.task.name].requests(own)
            cells += [(block, *pair) for pair in zip(own, requests, strict=True)]
        unasked, premises = self._premises(likelihoods)
        written = list(self._written(self._narrow(window, "text")))
        return Asking(
            priors=self._label_look_up(self._content_free(list(measured.values()))),
            measured=list(measured.values()),
            likelihoods=self._label_look_up([one for *_, one in cells], cells=len(cells)),
            cells=cells,
            premises=self._label_look_up(premises),
            unasked=unasked,
            texts=[self._text_look_up(tools, own) for tools, own in written],
            written=written,
            known=known_priors,
        )

    def score(
        self, asking: Asking, answers: Sequence[Sequence[Response]]
    ) -> tuple[list[Sample], dict[str, Prior]]:
        """The samples of a window whose look-ups are answered, and the priors measured in it.

        Args:
            asking: what the window asks.
            answers: per look-up a response per key.
        """
        of_priors, of_labels, of_premises, *of_texts = answers
        priors = _read_priors(asking.measured, of_priors)
        unasked = {
            (cell.variant.id, cell.example.id): dict(response.scores or {})
            for cell, response in zip(asking.unasked, of_premises, strict=True)
        }
        samples = list(
            self._score_labels(asking.cells, of_labels, {**asking.known, **priors}, unasked)
        )
        for (tools, cells), responses in zip(asking.written, of_texts, strict=True):
            samples += self._score_texts(tools, cells, responses)
        return samples, priors

    def _narrow(self, window: Sequence[Block], kind: RequestKind) -> list[Block]:
        """The window's blocks with what is asked of this kind."""
        narrowed = (self.scorers.narrow(block, kind) for block in window)
        return [block for block in narrowed if block.examples]

    def _content_free(self, blocks: Sequence[Block]) -> list[Request]:
        """The labels after each block's variant with inputs that say nothing."""
        return [
            request
            for block in blocks
            for request in self.tools[block.task.name].content_free(
                block.variant, block.task.content_free_inputs()
            )
        ]

    def _premises(self, window: Sequence[Block]) -> tuple[list[Cell], list[Request]]:
        """The cells whose options are scored without their question too, and those requests."""
        cells: list[Cell] = []
        requests: list[Request] = []
        for block in window:
            tools = self.tools[block.task.name]
            if tools.normalize == "pmi":
                own = list(block.cells())
                cells += own
                requests += tools.premises(own)
        return cells, requests

    def _written(self, window: Sequence[Block]) -> Iterator[tuple[TaskTools, list[Cell]]]:
        # Answers stop as soon as a label is decided, so tasks with other labels go apart.
        for task_name in dict.fromkeys(block.task.name for block in window):
            own = (block for block in window if block.task.name == task_name)
            yield self.tools[task_name], [cell for block in own for cell in block.cells()]

    def _label_look_up(self, requests: Sequence[Request], *, cells: int = 0) -> LookUp:
        settings = f"loglik/{self.model.info.dtype}"
        keys = [response_key(request, settings) for request in requests]
        return LookUp(Question(requests), keys, cells)

    def _text_look_up(self, tools: TaskTools, cells: Sequence[Cell]) -> LookUp:
        reader, sampling = tools.reader, self.sampling
        limit = reader.max_new_tokens or self.max_new_tokens
        contexts = tools.builder.contexts(tools.prompts_of(cells))
        dtype = self.model.info.dtype
        if sampling is None:
            settings = f"generate/{dtype}/{limit}/{tools.text_settings}"
            keys = [response_key(request, settings) for request in contexts]
            writing = Writing(limit, tools.ending, reader.stop)
            return LookUp(Question(contexts, writing), keys, len(cells))
        repeats = range(sampling.repeats)
        requests = [context for context in contexts for _ in repeats]
        seeds = [sampling.seed_of(cell, n) for cell in cells for n in repeats]
        settings = f"draw/{dtype}/{limit}/{sampling.temperature!r}/{tools.text_settings}"
        keys = [
            response_key(request, f"{settings}/{seed}")
            for request, seed in zip(requests, seeds, strict=True)
        ]
        writing = Writing(limit, tools.ending, temperature=sampling.temperature)
        return LookUp(Question(requests, writing, seeds), keys, len(cells))

    def _score_labels(
        self,
        cells: Sequence[tuple[Block, Cell, Request]],
        responses: Sequence[Response],
        priors: Mapping[str, Prior],
        unasked: Mapping[tuple[str, str], Prior],
    ) -> Iterator[Sample]:
        for (block, cell, request), response in zip(cells, responses, strict=True):
            scorers = self.scorers.of(block.task)
            if "calibrated" in scorers:
                yield score_calibrated(cell, response, priors[cell.variant.id])
            if "loglik" in scorers:
                lengths = self.tools[block.task.name].lengths(cell, request)
                prior = unasked.get((cell.variant.id, cell.example.id))
                yield score_loglik(cell, response, prior, lengths)

    def _score_texts(
        self, tools: TaskTools, cells: Sequence[Cell], responses: Sequence[Response]
    ) -> Iterator[Sample]:
        repeats = 1 if self.sampling is None else self.sampling.repeats
        texts = [tools.prompter.begun + (response.text or "") for response in responses]
        examples = [cell.example for cell in cells for _ in range(repeats)]
        grades = tools.reader.read_all(texts, examples)
        for n, cell in enumerate(cells):
            if self.sampling is None:
                yield score_generate(cell, texts[n], grades[n])
            else:
                own = slice(n * repeats, (n + 1) * repeats)
                yield score_draws(cell, texts[own], grades[own])

    def _look_up(self, look_up: LookUp, progress: Progress) -> list[Response]:
        """A response per key, from the cache or asked for, each distinct one once at most."""
        keys = look_up.keys
        told = progress if look_up.counts_each else NoProgress()
        answers = self.cache.get(list(dict.fromkeys(keys)))
        wanted = {key: place for place, key in enumerate(keys) if key not in answers}
        waiting = Counter(key for key in keys if key in wanted)
        self.hits += len(keys) - len(wanted)
        told.reuse(len(keys) - waiting.total())
        order = list(wanted)
        question = look_up.question.only(list(wanted.values()))
        with self._keeping() as keep:
            for index, response in question.ask(self.model) if wanted else ():
                answers[order[index]] = response
                keep(order[index], response)
                told.advance(1)
                told.reuse(waiting[order[index]] - 1)
        if not look_up.counts_each:
            progress.advance(look_up.cells)
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


def _read_priors(blocks: Sequence[Block], answers: Sequence[Response]) -> dict[str, Prior]:
    """Variant id -> its prior, from as many answers per block."""
    step = len(answers) // max(len(blocks), 1)
    scores = [response.scores or {} for response in answers]
    return {
        block.variant.id: content_free_prior(scores[n * step : (n + 1) * step])
        for n, block in enumerate(blocks)
    }
