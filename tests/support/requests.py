"""Tiny models as the harness has them, requests for them, and plain forwards beside them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import pytest
import torch

from harness.core.records import Request
from harness.models.contract import ModelInfo
from harness.models.inference.budget import Budget
from harness.models.inference.hf import HFModel
from harness.models.inference.local import LocalModel
from harness.models.loading.tokenizer import HFTokenizer
from tests.support.tiny_models import MAX_CONTEXT, VOCABULARY, make_model, make_tokenizer

INFO: Final = ModelInfo(
    name="tiny",
    kind="directory",
    path="",
    fingerprint="",
    parameters=0,
    dtype="float32",
    device="cpu",
    max_context=MAX_CONTEXT,
)
"""What a tiny model says of itself."""


def wrap(architecture: str, budget: Budget | None = None) -> HFModel:
    tokenizer = HFTokenizer(make_tokenizer())
    return HFModel(make_model(architecture), tokenizer, INFO, budget=budget)


@cache
def shared(architecture: str) -> HFModel:
    """A model that several tests use; none of them changes it."""
    return wrap(architecture, Budget(tokens=120, logit_rows=40))


def some_requests(seed: int = 0) -> list[Request]:
    """Requests of three instructions, inputs of all lengths, labels of one to three tokens."""
    generator = random.Random(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(generator.randrange(10, VOCABULARY) for _ in range(count))

    requests = []
    for _ in range(3):
        instruction = tokens(30)
        for _ in range(5):
            a, b, c, d = tokens(4)
            labels = {"one": (a,), "two": (b, c), "three": (b, d, a), "same start": (a, b)}
            requests.append(Request(instruction + tokens(generator.randrange(1, 25)), labels))
    return requests


def input_first_requests(seed: int = 0) -> list[Request]:
    """Requests of two long inputs, each under nine instructions, three of which begin alike."""
    generator = random.Random(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(generator.randrange(10, VOCABULARY) for _ in range(count))

    start = tokens(9)
    instructions = [start + tokens(3) for _ in range(3)] + [tokens(n) for n in range(1, 19, 3)]
    a, b, c, d = tokens(4)
    labels = {"one": (a,), "two": (b, c), "three": (b, d, a)}
    return [
        Request(text + one, labels) for text in (tokens(90), tokens(61)) for one in instructions
    ]


def rooted_requests(seed: int = 0) -> list[Request]:
    """Requests that all begin with 60 tokens, as with few-shot examples before long inputs."""
    generator = random.Random(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(generator.randrange(10, VOCABULARY) for _ in range(count))

    root, instructions = tokens(60), [tokens(n) for n in (4, 7, 11)]
    a, b, c = tokens(3)
    inputs = [tokens(n) for n in (20, 26, 31, 37, 44, 52)]
    labels = {"one": (a,), "two": (b, c)}
    return [Request(root + text + one, labels) for text in inputs for one in instructions]


def plain_scores(model: HFModel, request: Request) -> dict[str, float]:
    """One forward over the whole text of each label, one at a time."""
    scores = {}
    for label, continuation in request.continuations.items():
        text = torch.tensor([request.context + continuation])
        with torch.inference_mode():
            log_probabilities = model._model(text).logits[0].double().log_softmax(dim=-1)
        start = len(request.context) - 1
        scores[label] = sum(
            float(log_probabilities[start + step, token]) for step, token in enumerate(continuation)
        )
    return scores


def scores_of(model: LocalModel, requests: Sequence[Request]) -> list[Mapping[str, float]]:
    """The labels' scores of each request, in the requests' order."""
    responses = dict(model.loglik(requests))
    assert sorted(responses) == list(range(len(requests)))
    return [responses[index].scores or {} for index in range(len(requests))]


def assert_scores(model: HFModel, requests: Sequence[Request]) -> None:
    for request, scores in zip(requests, scores_of(model, requests), strict=True):
        assert list(scores) == list(request.continuations)
        assert scores == pytest.approx(plain_scores(model, request), abs=1e-4)
