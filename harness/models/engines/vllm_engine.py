"""vLLM as it is asked: prompts in tokens, answered all at a time, each until it is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.core.errors import IncompleteRunError
from harness.models.loading.panics import first_line

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Tokens to go on from, and how."""

    tokens: Tokens
    limit: int = 1
    """Of new tokens."""
    ends: Tokens = ()
    """Tokens after which nothing more is wanted."""
    following: Tokens = ()
    """Tokens whose log-probabilities as the first new one are wanted."""
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine answered to a prompt."""

    tokens: Sequence[int]
    logprobs: Mapping[int, float]
    """Of the first new token, for those that were asked for."""


class Engine:
    """A running engine; it ends with the object.

    Args:
        engine: vLLM's own.
        adapter: what each request is asked with; None for the base.
    """

    def __init__(self, engine: Any, adapter: Any) -> None:
        self._engine = engine
        self._adapter = adapter
        self._asked = 0

    @property
    def max_context(self) -> int:
        """Longest prompt with its answer, in tokens, for which there is memory."""
        return int(self._engine.vllm_config.model_config.max_model_len)

    def try_out(self) -> None:
        """Asks for one token, and raises what vLLM does where it has no kernel for the model."""
        self._add([Prompt((0,))], {})
        while self._engine.has_unfinished_requests():
            self._engine.step()

    def ask(
        self, prompts: Sequence[Prompt], is_over: Callable[[int, Sequence[int]], bool]
    ) -> Iterator[tuple[int, Said]]:
        """Asks for all prompts at a time.

        Args:
            prompts: N prompts.
            is_over: whether the new tokens of a prompt are enough, asked whenever there are more.

        Yields:
            (place of the prompt, what was said), in any order.

        Raises:
            IncompleteRunError: vLLM fails.
        """
        waiting: dict[str, int] = {}
        try:
            with _told():
                self._add(prompts, waiting)
            while waiting:
                for output in self._step():
                    if output.request_id not in waiting:
                        continue
                    place, answer = waiting[output.request_id], output.outputs[0]
                    if is_over(place, answer.token_ids) or output.finished:
                        del waiting[output.request_id]
                        if not output.finished:
                            self._engine.abort_request([output.request_id])
                        yield place, Said(list(answer.token_ids), _first(answer.logprobs))
        finally:
            if waiting:
                self._engine.abort_request(list(waiting))

    def _add(self, prompts: Sequence[Prompt], waiting: dict[str, int]) -> None:
        from vllm.inputs import tokens_input

        for place, prompt in enumerate(prompts):
            name = str(self._asked)
            self._asked += 1
            waiting[name] = place
            self._engine.add_request(
                name, tokens_input(list(prompt.tokens)), _sampling(prompt),
                lora_request=self._adapter,
            )  # fmt: skip

    def _step(self) -> list[Any]:
        with _told():
            return list(self._engine.step())


def _sampling(prompt: Prompt) -> Any:
    from vllm import SamplingParams

    return SamplingParams(
        max_tokens=prompt.limit,
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        seed=prompt.seed,
        stop_token_ids=list(prompt.ends),
        logprob_token_ids=list(prompt.following) or None,
        ignore_eos=True,
        detokenize=False,
    )


def _first(logprobs: Any) -> dict[int, float]:
    """Token -> log-probability, of the first new token."""
    return {token: one.logprob for token, one in logprobs[0].items()} if logprobs else {}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise IncompleteRunError(
            f"vLLM fails: {first_line(error).rstrip('.')}.",
            hint="All answers so far are kept; the same command goes on.",
        ) from error
