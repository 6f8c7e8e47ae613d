"""Drawn texts follow from their prompt and their seed alone, and are draws from the softmax."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from harness.core.records import Request
from harness.models.contract import DrawingModel
from harness.models.inference.budget import Budget
from harness.models.inference.hf import HFModel
from tests.support.requests import rooted_requests, shared, some_requests
from tests.support.tiny_models import ARCHITECTURES


def never(_text: str) -> bool:
    return False


def draw(
    model: HFModel, requests: list[Request], seeds: list[int], *, new: int = 5, heat: float = 1.0
) -> list[str]:
    answers = model.draw(requests, seeds, temperature=heat, max_new_tokens=new, is_done=never)
    found = {index: response.text or "" for index, response in answers}
    assert sorted(found) == list(range(len(requests)))
    return [found[index] for index in range(len(requests))]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_text_does_not_depend_on_its_batch(architecture: str) -> None:
    model = shared(architecture)
    requests = [request for request in some_requests()[:8] for _ in range(4)]
    seeds = list(range(len(requests)))
    together = draw(model, requests, seeds)
    assert together == [draw(model, [r], [s])[0] for r, s in zip(requests, seeds, strict=True)]
    backwards = draw(model, requests[::-1], seeds[::-1])
    assert together == backwards[::-1]
    assert len(set(together)) > 8  # or else this proves little


def test_equal_seeds_draw_equal_texts_of_one_prompt() -> None:
    request = some_requests()[0]
    texts = draw(shared("llama"), [request] * 4, [5, 6, 5, 6])
    assert texts[:2] == texts[2:]
    assert texts[0] != texts[1]


def test_a_small_budget_draws_the_same() -> None:
    model = shared("llama")
    requests = [request for request in rooted_requests()[:6] for _ in range(3)]
    seeds = list(range(len(requests)))
    expected = draw(model, requests, seeds)
    tight = HFModel(model._model, model.tokenizer, model.info)
    for budget in (Budget(40, 4), Budget(40, 4, pooled=64), replace(tight._budget, pooled=0)):
        tight._budget = budget
        assert draw(tight, requests, seeds) == expected


def test_first_tokens_are_distributed_as_the_softmax() -> None:
    model, request, count = shared("llama"), some_requests()[0], 3000
    with torch.inference_mode():
        logits = model._model(torch.tensor([request.context])).logits[0, -1].float()
    heat = float(logits.std()) / 2  # a few tokens have most of the mass
    shares = (logits / heat).softmax(-1)
    texts = Counter(draw(model, [request] * count, list(range(count)), new=1, heat=heat))
    likely = {model.tokenizer.decode([int(i)]): float(shares[i]) for i in shares.topk(3).indices}
    for text, share in likely.items():
        assert texts[text] / count == pytest.approx(share, abs=4 * (share / count) ** 0.5)


def test_at_a_low_temperature_draws_are_greedy() -> None:
    model, requests = shared("llama"), some_requests()[:6]
    greedy = dict(model.generate(requests, max_new_tokens=5, is_done=never))
    drawn = draw(model, requests, list(range(6)), heat=1e-6)
    assert drawn == [greedy[index].text for index in range(6)]


def test_a_local_model_is_known_to_draw() -> None:
    assert isinstance(shared("llama"), DrawingModel)
