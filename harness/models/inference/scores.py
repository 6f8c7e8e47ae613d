"""Scores: from logits to summed log-likelihoods, and from those to responses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.models.inference.packing import Reads
from harness.models.inference.token_tree import Read

Scored = list[tuple[Read, float]]
"""Labels and their summed log-likelihoods in nats."""


def sum_reads(logits: Tensor, reads: Reads) -> Scored:
    """The score of each label from the (N, V) logits of the nodes read.

    The log-sum-exp runs over the whole vocabulary in float32, the sum over a label's tokens in
    float64.
    """
    logits = logits.float()
    normaliser = logits.logsumexp(dim=-1)  # (N)
    chosen = logits[reads.rows, reads.next_tokens]  # (K)
    pairs: list[float] = (chosen - normaliser[reads.rows]).tolist()
    scored: Scored = []
    at = 0
    for read, count in reads.owners:
        scored.append((read, math.fsum(pairs[at : at + count])))
        at += count
    return scored


class ScoreSheet:
    """Collects label scores until a request has all of its own."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        self._scores: dict[int, dict[str, float]] = {}

    def without_labels(self) -> Iterator[tuple[int, Response]]:
        """The responses to requests that ask for no label."""
        for index, request in enumerate(self._requests):
            if not request.continuations:
                yield index, Response(scores={})

    def enter(self, scored: Scored) -> Iterator[tuple[int, Response]]:
        """Takes scores; yields the responses that they complete.

        Raises:
            UsageError: a score is not a number.
        """
        for read, score in scored:
            if math.isnan(score):
                raise no_number(read.label)
            scores = self._scores.setdefault(read.request, {})
            scores[read.label] = score
            labels = self._requests[read.request].continuations
            if len(scores) == len(labels):
                del self._scores[read.request]
                yield read.request, Response(scores={label: scores[label] for label in labels})


def no_number(label: str) -> UsageError:
    """The error of a score that is not a number."""
    return UsageError(
        f"the model computes no number as the likelihood of {label!r}.",
        hint="Its weights or its dtype are at fault: try --dtype float32.",
    )
