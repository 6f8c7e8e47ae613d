"""What the harness asks of a model: token-level scores and greedy text for requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.core.records import Request, Response


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a run's manifest says about the model that answered."""

    name: str
    """What the user typed to choose it."""
    kind: str
    """`directory`, `hub`, `gguf`, `adapter`, `bundled`, or `memory` where it was loaded already."""
    path: str
    """Where the weights were read from; empty for a model in memory."""
    fingerprint: str
    """Content hash of weights, configuration, tokenizer, chat template and adapter."""
    parameters: int
    dtype: str
    device: str
    max_context: int
    """Longest prompt with its continuation, in tokens."""
    base: str | None = None
    """The base model of an adapter."""
    adapter: str | None = None
    """The adapter's directory."""
    chat_template_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How texts are drawn."""

    temperature: float
    """Above 0; what logits are divided by."""
    top_p: float = 1.0
    """Only the most likely tokens that together reach this probability are drawn (nucleus)."""
    max_new_tokens: int = 64


class Tokenizer(Protocol):
    """Text to tokens and back."""

    @property
    def chat_template(self) -> str | None:
        """The template that `render_chat` fills, or None for a model without one."""
        ...

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """Tokenises texts.

        Args:
            texts: N texts.
            special: whether to begin each with the tokens that the model begins with (BOS).

        Returns:
            N lists of token ids, without tokens that a tokenizer puts after a text (EOS).

        Raises:
            UsageError: the tokenizer fails, or the model has no embedding for a token.
        """
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, without special tokens."""
        ...

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The messages as the model's chat prompt, up to where its answer begins.

        Raises:
            UsageError: the model has no chat template, or the template fails or leaves out what
                a message says.
        """
        ...


class Model(Protocol):
    """A causal language model that scores labels and answers greedily."""

    @property
    def info(self) -> ModelInfo:
        """Which model this is, for the run's manifest."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's own."""
        ...

    @property
    def notes(self) -> list[str]:
        """What the user should know about how the model is run; it may grow with use."""
        ...

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Scores the labels of requests.

        Requests of one call may share a prefix: it is found and computed once.

        Args:
            requests: each a context and the tokens of every label.

        Yields:
            (index of the request, response), in any order. `scores` of a response are the labels'
            log-likelihoods in nats, summed over a label's tokens.

        Raises:
            UsageError: a request has no context token or is longer than `info.max_context`.
        """
        ...

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """Generates greedily.

        Args:
            requests: their contexts count.
            max_new_tokens: of one text; it also ends at an end token.
            is_done: whether a text so far is enough, asked after every token.
            stop: texts, none empty, that end an answer; it is what stands before the first.

        Yields:
            (index of the request, response with its text), in any order.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
        """
        ...
