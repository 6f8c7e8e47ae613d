"""What the harness asks of a model: label likelihoods, where it offers them, and greedy text.

Tokenisation is the model's own business: it is handed prompts as text (`Asked`) and makes of them
requests that it can answer, in tokens or, where it takes none, in text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, runtime_checkable

from harness.core.records import Request, Response, Turn

Architecture = Literal["decoder", "encoder-decoder"]
"""`decoder`: goes on with its prompt; `encoder-decoder`: reads it whole and writes a text beside
it, so that prompts share no prefix, and each of the two has the whole context to itself."""
Likelihood = Literal["exact", "top", "none"]
"""`exact`: of any label; `top`: of the likeliest tokens alone, which need not be a label's."""
PromptForm = Literal["tokens", "text", "messages"]
"""How a prompt reaches a model: as tokens, as text, or as turns that it lays out itself."""
Way = Literal["engine", "echo", "forced", "none"]
"""How label likelihoods are had: in this process; by a server that returns the log-probabilities of
the prompt (`echo`), or of a token that it is made to say (`forced`); not at all."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that a server was asked before it was trusted."""

    what: str
    """`completions`, `chat`, `tokens`, `template`, `echo`, `forced`, `top`."""
    outcome: str
    """`works`, or what was wrong with the answer, such as `ignored`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a model can be asked for: declared where it runs here, probed where it is served."""

    likelihood: Likelihood
    way: Way
    prompt: PromptForm
    """What plain prompts are asked as."""
    chat: PromptForm
    """What prompts in the chat layout are asked as; turns come without label likelihoods."""
    trials: tuple[Trial, ...] = ()
    """What was tried at a server; nothing where the model runs here."""

    @property
    def is_served(self) -> bool:
        """Whether somebody else runs the model, so that an answer is worth more than a write."""
        return self.way != "engine"

    def scores(self, *, in_chat: bool) -> bool:
        """Whether the likelihood of a label can be had, in the chat layout or in another."""
        form = self.chat if in_chat else self.prompt
        return self.likelihood == "exact" and form != "messages"


HERE: Final = Offer("exact", "engine", "tokens", "tokens")
"""What a model in this process offers."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a run's manifest says about the model that answered."""

    name: str
    """What the user typed to choose it."""
    kind: str
    """`directory`, `hub`, `gguf`, `adapter`, `bundled`, `llama.cpp`, `vllm`, `server`, or `memory`
    where it was loaded already."""
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
    offer: Offer = HERE
    """What it can be asked for, as a run used it."""
    architecture: Architecture = "decoder"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How texts are drawn."""

    temperature: float
    """Above 0; what logits are divided by."""
    top_p: float = 1.0
    """Only the most likely tokens that together reach this probability are drawn (nucleus)."""
    max_new_tokens: int = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt as it is built, and the answers whose likelihood is wanted."""

    text: str
    """Everything up to the answer, as the model sees it."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Label -> the text that follows."""
    turns: tuple[Turn, ...] = ()
    """In the chat layout the conversation that `text` shows."""
    opening: str = ""
    """In the chat layout the cue that the model's answer is begun with."""
    prefill: str = ""
    """What `text` holds of the answer itself, after the cue: a server that begins all answers of
    a chat has no place for it."""
    special: bool = True
    """Whether a tokenizer adds its own tokens; a chat template has written them already."""


class Tokenizer(Protocol):
    """What a model makes of text: requests, their length, and its chat layout."""

    @property
    def chat_template(self) -> str | None:
        """The template that `render_chat` fills, or None for a model without one."""
        ...

    def count(self, texts: Sequence[str], *, special: bool = False) -> list[int]:
        """How many tokens each text has; a guess where the model is served without a tokenizer.

        Args:
            texts: N texts.
            special: whether to count the tokens that the model begins with (BOS), too.

        Raises:
            UsageError: the tokenizer fails, or the model has no embedding for a token.
        """
        ...

    def requests(self, asked: Sequence[Asked]) -> list[Request]:
        """What the model is asked, one request per prompt.

        Raises:
            UsageError: as `count`.
        """
        ...

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The messages as the model's chat prompt, up to where its answer begins.

        Raises:
            UsageError: the model has no chat template, or the template fails or leaves out what
                a message says.
        """
        ...


class Model(Protocol):
    """A language model that scores labels and answers greedily."""

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


@runtime_checkable
class DrawingModel(Protocol):
    """A model that draws texts too, each by a seed of its own."""

    def draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        *,
        temperature: float,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
    ) -> Iterator[tuple[int, Response]]:
        """Draws a text after each request; what is drawn follows from the request and its seed.

        Args:
            requests: their contexts count, and may repeat.
            seeds: one per request.
            temperature: above 0; what logits are divided by.
            max_new_tokens: of one text; it also ends at an end token.
            is_done: whether a text so far is enough, asked after every token.

        Yields:
            (index of the request, response with its text), in any order.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
        """
        ...
