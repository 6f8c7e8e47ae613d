"""A model that vLLM runs, as the harness uses it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from harness.core.records import Request, Response
from harness.models.contract import ModelInfo, Sampling
from harness.models.engines.vllm_engine import Engine, Prompt
from harness.models.inference.generate import Ending
from harness.models.inference.scores import no_number
from harness.models.loading.tokenizer import HFTokenizer
from harness.models.prompt_length import check_lengths
from harness.models.teacher_forcing import StemSheet

_SEEDS = 2**63
"""More are none that torch's generators take."""


class VllmModel:
    """Labels by the log-probabilities of chosen next tokens, texts cut as the engine here does.

    A label of several tokens is asked for token by token. Log-probabilities of prompts, which would
    tell all at once, depend in some releases on what the prefix cache holds.
    """

    def __init__(
        self, engine: Engine, tokenizer: HFTokenizer, info: ModelInfo, ends: frozenset[int]
    ) -> None:
        self.info = info
        self.tokenizer = tokenizer
        self.notes: list[str] = []
        self._engine = engine
        self._ends = ends

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its labels' summed log-likelihoods), in any order.

        Raises:
            UsageError: a request has no context token or is longer than `info.max_context`, or the
                model computes no number.
            IncompleteRunError: vLLM fails.
        """
        check_lengths(requests, self.info, room=0)
        sheet = StemSheet(requests)
        for index, request in enumerate(requests):
            if not request.continuations:
                yield index, Response(scores={})
        prompts = [
            Prompt((*requests[one.index].context, *one.stem), following=one.following)
            for one in sheet.questions
        ]
        for place, said in self._engine.ask(prompts, _never):
            question = sheet.questions[place]
            scores = sheet.enter(question, said.logprobs)
            if scores is not None:
                yield question.index, Response(scores=_numbers(scores))

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its greedily generated text), in any order.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
            IncompleteRunError: vLLM fails.
        """
        ending = self._ending(max_new_tokens, is_done, stop)
        prompts = [self._prompt(request, max_new_tokens) for request in requests]
        return self._write(requests, prompts, ending)

    def draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        *,
        temperature: float,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
    ) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, a text drawn by its seed), in any order.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
            IncompleteRunError: vLLM fails.
        """
        sampling = Sampling(temperature, 1.0, max_new_tokens)
        return self._draw(requests, seeds, sampling, self._ending(max_new_tokens, is_done))

    def sample(
        self, requests: Sequence[Request], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        """One text per request, drawn by its seed.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
            IncompleteRunError: vLLM fails.
        """
        ending = self._ending(sampling.max_new_tokens, lambda _text: False)
        texts = dict(self._draw(requests, seeds, sampling, ending))
        return [texts[place].text or "" for place in range(len(requests))]

    def _draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        sampling: Sampling,
        ending: Ending,
    ) -> Iterator[tuple[int, Response]]:
        prompts = [
            self._prompt(request, sampling.max_new_tokens, sampling, seed % _SEEDS)
            for request, seed in zip(requests, seeds, strict=True)
        ]
        return self._write(requests, prompts, ending)

    def _prompt(
        self,
        request: Request,
        limit: int,
        sampling: Sampling | None = None,
        seed: int | None = None,
    ) -> Prompt:
        return Prompt(
            request.context,
            limit,
            tuple(sorted(self._ends)),
            temperature=sampling.temperature if sampling else 0.0,
            top_p=sampling.top_p if sampling else 1.0,
            seed=seed,
        )

    def _ending(
        self, limit: int, is_done: Callable[[str], bool], stop: Sequence[str] = ()
    ) -> Ending:
        return Ending(limit, self._ends, self.tokenizer.decode_rest, is_done, tuple(stop))

    def _write(
        self, requests: Sequence[Request], prompts: Sequence[Prompt], ending: Ending
    ) -> Iterator[tuple[int, Response]]:
        check_lengths(requests, self.info, room=ending.max_new_tokens)
        texts = Texts(ending)
        for place, _ in self._engine.ask(prompts, texts.is_over):
            yield place, Response(text=texts.whole[place])


class Texts:
    """Texts as they grow, each cut where the engine here would have cut it."""

    def __init__(self, ending: Ending) -> None:
        self.whole: dict[int, str] = {}
        """Place -> text, once it is over."""
        self._ending = ending
        self._read: dict[int, int] = {}

    def is_over(self, place: int, tokens: Sequence[int]) -> bool:
        """Whether a text is over after one of its tokens; they may come several at a time."""
        for count in range(self._read.get(place, 0) + 1, len(tokens) + 1):
            text = self._ending.text_if_over(tokens[:count])
            if text is not None:
                self.whole[place] = text
                return True
        self._read[place] = len(tokens)
        return False


def _never(_place: int, _tokens: Sequence[int]) -> bool:
    return False


def _numbers(scores: dict[str, float]) -> dict[str, float]:
    for label, score in scores.items():
        if math.isnan(score):
            raise no_number(label)
    return scores
