"""Questions: what a model is asked in one call, wherever it runs.

Which requests are asked together decides the last digits of their likelihoods, so that a question
is asked as it is or in part, never together with another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast, runtime_checkable

from harness.core.records import Request, Response
from harness.models.contract import DrawingModel, Model

Answers = list[tuple[int, Response]]
"""(place of the request in its question, response), in any order."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How texts are written; all of it can be sent to another machine."""

    max_new_tokens: int
    is_done: Callable[[str], bool]
    """Whether a text so far is enough."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; those of `is_done`, as a server can be told of them."""
    temperature: float = 0.0
    """0 is greedy; above, each request has a seed."""


@dataclass(frozen=True, slots=True)
class Question:
    """Requests that a model is asked in one call."""

    requests: Sequence[Request]
    writing: Writing | None = None
    """How texts are written; None where label likelihoods are asked for."""
    seeds: Sequence[int] = ()
    """A seed per request, where texts are drawn."""

    def __len__(self) -> int:
        return len(self.requests)

    def only(self, places: Sequence[int]) -> Question:
        """The question with the requests at these places, in this order."""
        seeds = [self.seeds[place] for place in places] if self.seeds else ()
        return replace(self, requests=[self.requests[place] for place in places], seeds=seeds)

    def ask(self, model: Model) -> Iterator[tuple[int, Response]]:
        """Yields (place of the request, response), in any order.

        Raises:
            UsageError: a request has no context token or is longer than the model takes.
        """
        writing = self.writing
        if writing is None:
            return model.loglik(self.requests)
        if writing.temperature > 0:
            return cast(DrawingModel, model).draw(
                self.requests,
                self.seeds,
                temperature=writing.temperature,
                max_new_tokens=writing.max_new_tokens,
                is_done=writing.is_done,
            )
        return model.generate(
            self.requests,
            max_new_tokens=writing.max_new_tokens,
            is_done=writing.is_done,
            stop=writing.stop,
        )


@runtime_checkable
class ManyAtOnce(Protocol):
    """A model that answers several questions at the same time, as many copies of it do."""

    @property
    def copies(self) -> int:
        """How many answer now."""
        ...

    @property
    def wanted(self) -> int:
        """How many are to answer, once all are ready."""
        ...

    @property
    def planned(self) -> str:
        """The same, and what each has, in words."""
        ...

    def submit(self, question: Question) -> int:
        """Ask a question without waiting; returns the number by which its answers are known."""
        ...

    def wait(self) -> list[tuple[int, Answers]]:
        """Wait until a question is answered; returns those that are, with their numbers.

        Raises:
            UsageError: a request cannot be answered.
            IncompleteRunError: nobody is left to answer.
        """
        ...

    def news(self) -> list[str]:
        """What has happened since the last call that a user should know, a sentence each."""
        ...

    def describe(self) -> dict[str, object]:
        """Who has answered how much, for the run's manifest."""
        ...
