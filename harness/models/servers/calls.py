"""Many requests at once from code that waits for them: one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.models.servers.client import Client

if TYPE_CHECKING:
    import httpx2

J = TypeVar("J")
T = TypeVar("T")

Answering = Callable[["httpx2.AsyncClient", J], Awaitable[T]]
"""Answers one job by one request or several, one after the other."""


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


def answer_all(
    client: Client, jobs: Sequence[J], answer: Answering[J, T]
) -> Iterator[tuple[int, T]]:
    """The answers to jobs as they come, as many at a time as the client's pace allows.

    Where one fails, no other is begun; those in flight are waited for and yielded first, since
    they are paid for.

    Yields:
        (index of the job, its answer).
    """
    from anyio.from_thread import start_blocking_portal

    if not jobs:
        return
    batch = _Batch(client, jobs, answer, SimpleQueue())
    with start_blocking_portal() as portal:  # a notebook's own loop runs in this thread
        running = portal.start_task_soon(batch.run)
        try:
            while not isinstance(got := batch.answers.get(), _Ended):
                yield got
            if got.error is not None:
                raise got.error
        finally:
            running.cancel()


def answer_one(client: Client, answer: Callable[[httpx2.AsyncClient], Awaitable[T]]) -> T:
    """What a few requests one after the other come to."""

    async def only(http: httpx2.AsyncClient, _: None) -> T:
        return await answer(http)

    ((_, found),) = answer_all(client, [None], only)
    return found


@dataclass(slots=True)
class _Batch(Generic[J, T]):
    client: Client
    jobs: Sequence[J]
    answer: Answering[J, T]
    answers: SimpleQueue[tuple[int, T] | _Ended]

    async def run(self) -> None:
        """Answer the jobs; whatever happens, the reader is told of the end."""
        try:
            async with self.client.open() as http:
                error = await self._answer_all(http)
        except BaseException as trouble:
            self.answers.put(_Ended(trouble))
            raise
        self.answers.put(_Ended(error))

    async def _answer_all(self, http: httpx2.AsyncClient) -> BaseException | None:
        pace, error = self.client.pace, None
        waiting = list(range(len(self.jobs)))[::-1]
        flying: dict[asyncio.Future[T], int] = {}
        pace.begin()
        try:
            while flying or (waiting and error is None):
                while waiting and error is None and len(flying) < pace.limit:
                    index = waiting.pop()
                    asked = self.answer(http, self.jobs[index])
                    flying[asyncio.ensure_future(asked)] = index
                done, _ = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    index = flying.pop(one)
                    if (trouble := one.exception()) is not None:
                        error = error or trouble
                        continue
                    self.answers.put((index, one.result()))
                    pace.answered(waiting=len(waiting))
        finally:
            for one in flying:
                one.cancel()
        return error
