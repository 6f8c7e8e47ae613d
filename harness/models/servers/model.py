"""A served model as the harness uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.models.contract import ModelInfo, Sampling, Tokenizer
from harness.models.prompt_length import check_lengths
from harness.models.servers.calls import answer_all
from harness.models.servers.client import Client
from harness.models.servers.dialect import Dialect
from harness.models.servers.likelihood import LabelScorer
from harness.models.servers.protocol import read_message, read_text
from harness.models.usage import Usage

if TYPE_CHECKING:
    import httpx2


class ServedModel:
    """A model behind a server: several requests at a time, each asked until it is answered."""

    def __init__(
        self,
        info: ModelInfo,
        tokenizer: Tokenizer,
        client: Client,
        dialect: Dialect,
        scorer: LabelScorer | None,
    ) -> None:
        self.info = info
        self.tokenizer = tokenizer
        self.notes: list[str] = []
        self._client = client
        self._dialect = dialect
        self._scorer = scorer

    @property
    def usage(self) -> Usage:
        """What has been asked so far, and what it cost."""
        return self._client.usage

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its labels' summed log-likelihoods), in any order.

        Raises:
            UsageError: the server offers none, or a prompt is too long.
            IncompleteRunError: it does not answer any more, or no budget is left.
        """
        scorer = self._scorer
        if scorer is None:
            raise UsageError(
                f"the server of {self.info.name} has no label likelihoods.",
                hint="Type: --scorer generate",
            )
        check_lengths(requests, self.info, room=0)
        for index, scores in answer_all(self._client, requests, scorer.score):
            yield index, Response(scores=scores)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its greedily generated text), in any order.

        A text is fetched whole: whether it was enough before is not asked.

        Raises:
            UsageError: a prompt is too long.
            IncompleteRunError: the server does not answer any more, or no budget is left.
        """
        del is_done
        check_lengths(requests, self.info, room=max_new_tokens)
        more = {"stop": list(stop)} if stop else {}

        async def ask(http: httpx2.AsyncClient, request: Request) -> str:
            return await self._ask(http, request, max_new_tokens, **more)

        for index, text in answer_all(self._client, requests, ask):
            yield index, Response(text=text)

    def sample(
        self, requests: Sequence[Request], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        """One text per request, drawn by its seed as far as the server keeps to it.

        Raises:
            UsageError: answers cannot be begun for the model there, or a prompt is too long.
            IncompleteRunError: the server does not answer any more, or no budget is left.
        """
        if any(request.turns and request.turns[0].role for request in requests):
            raise UsageError(
                f"the server of {self.info.name} lays out chats itself, and paraphrases are "
                "written from the word on that an answer is begun with.",
                hint="Use a server that completes texts and shows its chat template "
                "(/apply-template), or a local checkpoint.",
            )
        check_lengths(requests, self.info, room=sampling.max_new_tokens)
        texts = dict(self._draw(list(zip(requests, seeds, strict=True)), sampling))
        return [texts[place] for place in range(len(requests))]

    def draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        *,
        temperature: float,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
    ) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, a text drawn after it), in any order.

        A text follows from its request and seed as far as the server keeps to seeds.

        Raises:
            UsageError: a prompt is too long.
            IncompleteRunError: the server does not answer any more, or no budget is left.
        """
        del is_done
        check_lengths(requests, self.info, room=max_new_tokens)
        jobs = list(zip(requests, seeds, strict=True))
        for index, text in self._draw(jobs, Sampling(temperature, 1.0, max_new_tokens)):
            yield index, Response(text=text)

    def _draw(
        self, jobs: Sequence[tuple[Request, int]], sampling: Sampling
    ) -> Iterator[tuple[int, str]]:
        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p}

        async def ask(http: httpx2.AsyncClient, job: tuple[Request, int]) -> str:
            seed = job[1] % 2**31
            return await self._ask(http, job[0], sampling.max_new_tokens, **drawn, seed=seed)

        return answer_all(self._client, jobs, ask)

    async def _ask(
        self, http: httpx2.AsyncClient, request: Request, limit: int, **more: object
    ) -> str:
        address = self._client.address
        url, body, is_chat = self._dialect.text_request(address, request, limit, **more)
        return await self._client.post(http, url, body, read_message if is_chat else read_text)
