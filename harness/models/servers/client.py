"""One request to a server, until it is answered: time-outs, retries, and what refusals mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

from harness.core.errors import HarnessError, IncompleteRunError, UsageError
from harness.models.servers.address import Address
from harness.models.servers.pace import Pace
from harness.models.usage import Usage

if TYPE_CHECKING:
    import httpx2

Json = Mapping[str, object]
T = TypeVar("T")

_SLOW_DOWN: Final = (429, 503)
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429, *range(500, 600)})
_MOST_BYTES: Final = 64 * 1024 * 1024
"""An answer with a whole vocabulary's log-probabilities has some five million."""


class MalformedAnswerError(Exception):
    """An answer that is not what the protocol says."""


class RefusedError(UsageError):
    """A request that the server will not answer, however often it is asked."""

    def __init__(self, status: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for."""

    timeout: float = 120.0
    """Seconds for one answer."""
    tries: int = 6
    first_wait: float = 0.5
    """Seconds before the second try; each further wait is twice as long."""
    longest_wait: float = 60.0
    """Also the longest wait that a server may ask for."""


@dataclass(slots=True)
class Client:
    """Asks one server; what is asked at the same time is `Calls`' business."""

    address: Address
    patience: Patience = field(default_factory=Patience)
    usage: Usage = field(default_factory=Usage)
    pace: Pace = field(default_factory=Pace)
    _random: Random = field(default_factory=Random)

    def open(self) -> httpx2.AsyncClient:
        """The connections of one event loop."""
        import httpx2

        headers = {"Authorization": f"Bearer {self.address.key}"} if self.address.key else {}
        return httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(self.patience.timeout, connect=min(10.0, self.patience.timeout)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
        )

    async def get(self, http: httpx2.AsyncClient, url: str) -> Json:
        """The JSON object at a URL.

        Raises:
            RefusedError: the server has no such thing.
            IncompleteRunError: it does not answer.
        """
        return await self._until_answered(http, "GET", url, None, lambda answer: answer)

    async def post(
        self,
        http: httpx2.AsyncClient,
        url: str,
        body: Json,
        read: Callable[[Json], T],
        *,
        paid: bool = True,
    ) -> T:
        """What `read` makes of the answer to a request.

        Args:
            http: The connections.
            url: Where to.
            body: What is asked.
            read: Raises `MalformedAnswerError` on an answer that is none; it is asked for again.
            paid: Whether the answer costs tokens.

        Raises:
            RefusedError: the server refuses this request.
            IncompleteRunError: it does not answer, or no budget is left.
        """
        if paid:
            self.usage.check()
        return await self._until_answered(http, "POST", url, body, read, paid=paid)

    async def _until_answered(
        self,
        http: httpx2.AsyncClient,
        method: str,
        url: str,
        body: Json | None,
        read: Callable[[Json], T],
        *,
        paid: bool = False,
    ) -> T:
        import httpx2

        trouble, wait = "", 0.0
        for attempt in range(self.patience.tries):
            if attempt:
                await asyncio.sleep(max(wait, self._backoff(attempt)))
            try:
                async with asyncio.timeout(self.patience.timeout):
                    response, content = await _fetch(http, method, url, body)
                if response.status_code < 300:
                    answer = _parse(content)
                    if paid:
                        self.usage.count(answer)
                    return read(answer)
                trouble = self._refuse(response.status_code, content)
                wait = self._asked_wait(response.headers.get("Retry-After", ""))
            except (httpx2.RequestError, TimeoutError, MalformedAnswerError) as error:
                trouble, wait = self._describe(error), 0.0
        raise IncompleteRunError(
            f"the server at {self.address.url} does not answer: {trouble} "
            f"({self.patience.tries} tries).",
            hint="All answers so far are kept; the same command goes on.",
        )

    def _refuse(self, status: int, content: bytes) -> str:
        """What to say of a status that may change.

        Raises:
            HarnessError: it will not.
        """
        said = self.address.hide_key(_message(content))
        trouble = f"status {status}{f', {said}' if said else ''}"
        if status in _SLOW_DOWN:
            self.pace.refused()
        if status in _TRY_AGAIN and b"insufficient_quota" not in content:
            return trouble
        raise self._refusal(status, trouble)

    def _refusal(self, status: int, trouble: str) -> HarnessError:
        where = f"the server at {self.address.url}"
        if status == 429:
            return IncompleteRunError(
                f"{where} says that the account's quota is used up: {trouble}.",
                hint="All answers so far are kept; the same command goes on.",
            )
        if status in (401, 403):
            given = "refuses the key" if self.address.key else "wants a key"
            return RefusedError(
                status,
                f"{where} {given}: {trouble}.",
                hint="Put it into an environment variable and type: --key-env NAME",
            )
        if 300 <= status < 400:
            trouble = f"{trouble}, which leads elsewhere"
        return RefusedError(status, f"{where} refuses a request: {trouble}.")

    def _asked_wait(self, header: str) -> float:
        wait = parse_wait(header)
        if wait > self.patience.longest_wait:
            raise IncompleteRunError(
                f"the server at {self.address.url} asks to come back in {wait:.0f} seconds.",
                hint="All answers so far are kept; the same command goes on then.",
            )
        return wait

    def _backoff(self, attempt: int) -> float:
        longest = min(self.patience.first_wait * 2 ** (attempt - 1), self.patience.longest_wait)
        return float(longest * self._random.uniform(0.5, 1.0))  # not all come back at once

    def _describe(self, error: Exception) -> str:
        import httpx2

        if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
            return "no connection"
        if isinstance(error, httpx2.TimeoutException | TimeoutError):
            return f"no answer within {self.patience.timeout:g} seconds"
        text = self.address.hide_key(str(error)) or type(error).__name__
        return f"broken answer ({text[:200]})"


async def _fetch(
    http: httpx2.AsyncClient, method: str, url: str, body: Json | None
) -> tuple[httpx2.Response, bytes]:
    """A response with its whole body, read no further than an answer can be long."""
    content = bytearray()
    async with http.stream(method, url, json=body) as response:
        async for part in response.aiter_bytes():
            content += part
            if len(content) > _MOST_BYTES:
                raise MalformedAnswerError(f"more than {_MOST_BYTES:,} bytes")
    return response, bytes(content)


def parse_wait(text: str, *, now: datetime | None = None) -> float:
    """Seconds of a `Retry-After`, which is a number or a date; 0 where it is neither."""
    try:
        return max(float(text), 0.0) if float(text) < float("inf") else 0.0
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - (now or datetime.now(UTC))).total_seconds(), 0.0)


def _parse(content: bytes) -> Json:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError("no JSON") from error
    if not isinstance(answer, dict):
        raise MalformedAnswerError("no JSON object")
    return answer


def _message(content: bytes) -> str:
    """The reason in an error's body, in one short line."""
    try:
        said = _parse(content)
    except MalformedAnswerError:
        return ""
    error = said.get("error", said.get("message", said.get("detail", "")))
    text = error.get("message", "") if isinstance(error, dict) else error
    return " ".join(str(text).split())[:300].rstrip(".")
