"""Label likelihoods from a server: by an echoed prompt, or by tokens that it is made to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from harness.core.records import Request
from harness.models.servers.client import Client, Json, MalformedAnswerError
from harness.models.servers.dialect import Dialect
from harness.models.servers.protocol import Said, Scored, read_said, read_tokens
from harness.models.teacher_forcing import label_scores, stems

if TYPE_CHECKING:
    import httpx2

FORCE: Final = 100.0
"""Added to a token's logit: no other is said then."""


_WHOLE_VOCABULARY: Final = 1_000_000
"""As many of the likeliest tokens as no vocabulary has."""
T = TypeVar("T")


class LabelScorer(Protocol):
    """A way to the likelihoods of a request's labels."""

    async def score(self, http: httpx2.AsyncClient, request: Request) -> dict[str, float]:
        """Label -> log-likelihood in nats, summed over its tokens."""
        ...


@dataclass(frozen=True, slots=True)
class EchoScorer:
    """Reads a label's tokens off the echo of prompt and label: one request per label."""

    client: Client
    dialect: Dialect

    async def score(self, http: httpx2.AsyncClient, request: Request) -> dict[str, float]:
        """See `LabelScorer`."""
        if request.turns:
            return await self._score_text(http, request.turns[0].content, request.answers)
        begins, scores = len(request.context), {}
        for label, tokens in request.continuations.items():
            whole = [*request.context, *tokens]
            echoed = await self._echo(http, whole, len(whole))
            scores[label] = _total(echoed[begins : len(whole)])
        return scores

    async def _score_text(
        self, http: httpx2.AsyncClient, prompt: str, answers: Mapping[str, str]
    ) -> dict[str, float]:
        """The tokens from the first on that holds a letter of some label, as one may hold the
        prompt's end, too."""
        echoed = {
            label: [
                token
                for token in await self._echo(http, prompt + said, 1)
                if token.start < len(prompt + said)
            ]
            for label, said in answers.items()
        }
        begins = min(_first_beyond(tokens, len(prompt)) for tokens in echoed.values())
        return {label: _total(tokens[begins:]) for label, tokens in echoed.items()}

    async def _echo(
        self, http: httpx2.AsyncClient, prompt: str | list[int], fewest: int
    ) -> list[Scored]:
        def read(answer: Json) -> list[Scored]:
            tokens = read_tokens(answer)
            if len(tokens) < fewest:
                raise MalformedAnswerError(f"an echo of {len(tokens)} tokens of {fewest}")
            return tokens

        body = self.dialect.completion(prompt, 1, echo=True, logprobs=1)
        return await self.client.post(http, f"{self.client.address.url}/completions", body, read)


def _first_beyond(tokens: list[Scored], place: int) -> int:
    """The first token that ends after a place in the text."""
    ends = [token.start for token in tokens[1:]]
    return next((n for n, end in enumerate(ends) if end > place), len(tokens) - 1)


def _total(tokens: list[Scored]) -> float:
    values = [token.logprob for token in tokens if token.logprob is not None]
    if not tokens or len(values) < len(tokens):
        raise MalformedAnswerError("a label's token without log-probability")
    return sum(values)


@dataclass(frozen=True, slots=True)
class ForcedScorer:
    """Teacher forcing: after each stem that labels share, the log-probability of what follows.

    One request per stem lists the likeliest tokens; a token that is not among them is said because
    its logit is raised, and the log-probability that is told is the one from before.
    """

    client: Client
    dialect: Dialect

    async def score(self, http: httpx2.AsyncClient, request: Request) -> dict[str, float]:
        """See `LabelScorer`."""
        known: dict[tuple[int, ...], float] = {}
        for stem, following in stems(request).items():
            prompt = [*request.context, *stem]
            listed = await self.likeliest(http, prompt, self.dialect.top)
            for token in following:
                value = listed.get(token)
                known[(*stem, token)] = (
                    value if value is not None else await self.force(http, prompt, token)
                )
        return label_scores(request, known)

    async def likeliest(
        self, http: httpx2.AsyncClient, prompt: list[int], count: int
    ) -> dict[int, float]:
        """The log-probabilities of the likeliest tokens after a prompt, by token.

        What is said there is a token with a text of its own: after an end, and after a part of a
        character, llama.cpp tells no probability of any.
        """
        bias = {"logit_bias": {str(self.dialect.anchor): FORCE}} if self.dialect.anchor else {}
        said = await self._ask(http, prompt, read_said, logprobs=count, **bias)
        return {
            one.id: one.logprob
            for one in said.top
            if one.id is not None and one.logprob is not None
        }

    async def force(self, http: httpx2.AsyncClient, prompt: list[int], token: int) -> float:
        """The log-probability of a token after a prompt."""
        said = await self._ask(
            http, prompt, _read_if_told, logprobs=1, logit_bias={str(token): FORCE}
        )
        if said is None:
            everything = await self.likeliest(http, prompt, _WHOLE_VOCABULARY)
            if token not in everything:
                raise MalformedAnswerError("a token without log-probability")
            return everything[token]
        if said.token.logprob is None or said.token.id not in (None, token):
            raise MalformedAnswerError("another token than was asked for")
        return said.token.logprob

    async def _ask(
        self,
        http: httpx2.AsyncClient,
        prompt: list[int],
        read: Callable[[Json], T],
        **more: object,
    ) -> T:
        """What is read of the answer to a prompt that one token is to follow."""
        body = self.dialect.completion(prompt, 1, **more)
        return await self.client.post(http, f"{self.client.address.url}/completions", body, read)


def _read_if_told(answer: Json) -> Said | None:
    try:
        return read_said(answer)
    except MalformedAnswerError:
        return None
