"""A model of which several copies seem to answer at once, in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from harness.core.records import Request, Response
from harness.models import Model, ModelInfo, Tokenizer
from harness.models.contract import DrawingModel
from harness.models.questions import Answers, Question


@dataclass
class Recorded:
    """A model that keeps what it was asked in each call."""

    model: Model
    asked: list[tuple[Request, ...]] = field(default_factory=list)

    @property
    def info(self) -> ModelInfo:
        return self.model.info

    @property
    def tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    @property
    def notes(self) -> list[str]:
        return self.model.notes

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        self.asked.append(tuple(requests))
        return self.model.loglik(requests)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        self.asked.append(tuple(requests))
        return self.model.generate(
            requests, max_new_tokens=max_new_tokens, is_done=is_done, stop=stop
        )

    def draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        *,
        temperature: float,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
    ) -> Iterator[tuple[int, Response]]:
        assert isinstance(self.model, DrawingModel)
        self.asked.append(tuple(requests))
        return self.model.draw(
            requests, seeds, temperature=temperature, max_new_tokens=max_new_tokens, is_done=is_done
        )


@dataclass
class Copies(Recorded):
    """Answers questions that wait, one at a time and in any order; `asked` is all of them."""

    copies: int = 3
    seed: int = 0
    most: int = 0
    """The most questions that have waited at the same time."""
    submitted: int = 0
    wanted: int = 3
    planned: str = "three"
    _waiting: dict[int, Question] = field(default_factory=dict)

    def submit(self, question: Question) -> int:
        self.submitted += 1
        self._waiting[self.submitted] = question
        self.most = max(self.most, len(self._waiting))
        return self.submitted

    def wait(self) -> list[tuple[int, Answers]]:
        number = Random(f"{self.seed} {len(self.asked)}").choice(sorted(self._waiting))
        question = self._waiting.pop(number)
        return [(number, list(question.ask(self)))]

    def news(self) -> list[str]:
        return []

    def describe(self) -> dict[str, object]:
        return {"questions": {"here": len(self.asked)}}
