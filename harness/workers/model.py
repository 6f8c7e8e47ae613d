"""A model of which workers hold the copies: asked like any other, or many questions at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.models import ModelInfo
from harness.models.loading.outline import Outline
from harness.models.questions import Answers, Question, Writing
from harness.workers.messages import Copy
from harness.workers.pool import Pool
from harness.workers.versions import versions_here

_PROGRAM_BYTES: Final = 700_000_000
"""Of a worker's memory beside the weights: torch, transformers, and a batch."""


class WorkersModel:
    """The model that a pool of workers answers for."""

    def __init__(self, outline: Outline, pool: Pool) -> None:
        first = pool.open()
        self.info: ModelInfo = replace(first.info, name=outline.name, base=outline.base)
        self.tokenizer = outline.tokenizer
        self.notes: list[str] = list(first.notes)
        self._pool = pool
        self._draws = first.draws

    @property
    def copies(self) -> int:
        """How many answer now."""
        return len(self._pool.copies)

    @property
    def wanted(self) -> int:
        """How many are to answer, once all are ready."""
        return self._pool.aim

    @property
    def planned(self) -> str:
        """See `ManyAtOnce`."""
        share = self._pool.share
        each = "a GPU" if share.gpus else f"{share.cpus} core{'' if share.cpus == 1 else 's'}"
        return f"{self.wanted}, {each} each ({self.copies} ready)"

    def submit(self, question: Question) -> int:
        """See `ManyAtOnce`."""
        return self._pool.submit(question)

    def wait(self) -> list[tuple[int, Answers]]:
        """See `ManyAtOnce`."""
        return self._pool.wait()

    def news(self) -> list[str]:
        """See `ManyAtOnce`."""
        told = list(self._pool.news)
        self._pool.news.clear()
        if self._pool.joined:
            self._pool.joined = 0
            nodes = len({copy.where for copy in self._pool.copies})
            told.append(f"{self.copies} of {self.wanted} workers answer, on {_nodes(nodes)}.")
        return told

    def describe(self) -> dict[str, object]:
        """See `ManyAtOnce`."""
        return {
            "questions": dict(sorted(self._pool.answered.items())),
            "lost": self._pool.lost,
            "asked_twice": self._pool.dispatch.again,
        }

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """See `Model`."""
        yield from self._pool.ask(Question(requests))

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """See `Model`."""
        yield from self._pool.ask(Question(requests, Writing(max_new_tokens, is_done, tuple(stop))))

    def draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        *,
        temperature: float,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
    ) -> Iterator[tuple[int, Response]]:
        """See `DrawingModel`."""
        if not self._draws:
            raise UsageError(f"{self.info.name} answers greedily here and draws no texts.")
        writing = Writing(max_new_tokens, is_done, temperature=temperature)
        yield from self._pool.ask(Question(requests, writing, seeds))


def check_copy(outline: Outline, others: Sequence[Copy], copy: Copy) -> None:
    """Refuse a worker whose model is not the one whose files lie here, or not as the others'.

    Args:
        outline: what the files here say of the model.
        others: the copies that were accepted before.
        copy: the one that has just been opened.

    Raises:
        UsageError: names the machine and what differs.
    """
    where = f"on the node {copy.where}"
    if copy.info.fingerprint != outline.fingerprint:
        raise UsageError(
            f"{where}: the files of {outline.name} are not those that lie here (fingerprint "
            f"{copy.info.fingerprint[:8]} there, {outline.fingerprint[:8]} here).",
            hint="Copy the same model to every machine, or name one on storage that they share.",
        )
    for what in ("dtype", "device"):
        here = getattr((*others, copy)[0].info, what).partition(":")[0]
        there = getattr(copy.info, what).partition(":")[0]
        if there != here:
            raise UsageError(
                f"{where}: the model runs with {what} {there}, elsewhere with {here}.",
                hint=f"Type --{what} with one of them.",
            )


def library_note(copy: Copy) -> str | None:
    """A sentence where a worker's libraries are other versions than here."""
    others = versions_here().other_libraries(copy.versions)
    if not others:
        return None
    return f"on {copy.where}: {'; '.join(others)}; last digits may differ from machine to machine."


def _nodes(count: int) -> str:
    return "one node" if count == 1 else f"{count} nodes"


def memory_of(outline: Outline) -> int:
    """Bytes that a worker without a GPU needs, about."""
    return outline.bytes_on_cpu + _PROGRAM_BYTES
