"""Teacher forcing: labels scored from what a model says of one next token at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.core.records import Request

Stem = tuple[int, ...]
"""The first tokens of a label, or none of them."""


def stems(request: Request) -> dict[Stem, list[int]]:
    """What labels begin with -> the tokens that follow, each once.

    >>> stems(Request((7,), {"good": (1, 2), "great": (1, 3), "bad": (4,)}))
    {(): [1, 4], (1,): [2, 3]}
    """
    found: dict[Stem, list[int]] = {}
    for stem, token in _steps(request):
        following = found.setdefault(stem, [])
        if token not in following:
            following.append(token)
    return found


def label_scores(request: Request, known: Mapping[Stem, float]) -> dict[str, float]:
    """Label -> its log-likelihood in nats, summed over its tokens.

    Args:
        request: whose labels are meant.
        known: stem with the token that follows it -> that token's log-probability.
    """
    return {
        label: sum(known[tokens[: n + 1]] for n in range(len(tokens)))
        for label, tokens in request.continuations.items()
    }


@dataclass(frozen=True, slots=True)
class Question:
    """A stem after a context, of which the log-probabilities of next tokens are wanted."""

    index: int
    """Which of the requests it belongs to."""
    stem: Stem
    following: tuple[int, ...]


class StemSheet:
    """What is to be asked for the labels of requests, and what of it has been answered."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.questions = [
            Question(index, stem, tuple(following))
            for index, request in enumerate(requests)
            for stem, following in stems(request).items()
        ]
        self._requests = requests
        self._known: list[dict[Stem, float]] = [{} for _ in requests]
        self._missing = [len(stems(request)) for request in requests]

    def enter(self, question: Question, logprobs: Mapping[int, float]) -> dict[str, float] | None:
        """Takes an answer; returns the label scores of its request once all are there.

        Args:
            question: one of `questions`.
            logprobs: token -> log-probability in nats, of those that follow at least.
        """
        known = self._known[question.index]
        for token in question.following:
            known[(*question.stem, token)] = logprobs[token]
        self._missing[question.index] -= 1
        if self._missing[question.index]:
            return None
        return label_scores(self._requests[question.index], known)


def _steps(request: Request) -> Iterator[tuple[Stem, int]]:
    for tokens in request.continuations.values():
        for place, token in enumerate(tokens):
            yield tokens[:place], token
