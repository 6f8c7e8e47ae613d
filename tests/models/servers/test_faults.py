"""A server that fails: nothing is lost, nothing is asked twice but what failed, a run goes on."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.core.errors import IncompleteRunError
from harness.core.records import Response
from harness.models import ModelSpec, load_model
from harness.models.contract import Asked
from harness.models.servers import load as loading
from harness.models.servers.client import Patience
from harness.models.spec import ServerSpec
from tests.support.served import EVERYTHING, FAULTS, TinyServer, serving, tiny
from tests.support.tiny_models import make_checkpoint

TEXT_ALONE = frozenset({"models", "completions"})
ASKED = [Asked(f"Review {n}: A warm film. Sentiment:") for n in range(24)]
RUN: dict[str, Any] = {
    "tasks": "sentiment", "limit": 6, "instructions": 1, "levels": "clean", "progress": False,
    "full": True, "resamples": 100, "max_new_tokens": 12, "scorers": "generate",
    "prompt_format": "plain",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    hasty = functools.partial(Patience, first_wait=0.01)
    monkeypatch.setattr(loading, "Patience", hasty)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    model = tiny(make_checkpoint(tmp_path_factory.mktemp("model")))
    with serving(TinyServer(model)) as listening:
        yield listening


@pytest.fixture(autouse=True)
def _well(server: TinyServer) -> None:
    server.offers, server.fault = TEXT_ALONE, lambda path, number: None
    server.asked.clear()
    server.answered.clear()
    server._numbers.clear()


def texts(server: TinyServer, fault: Any = None, **more: Any) -> dict[int, Response]:
    """The answers to the prompts, faults striking once the probe is over."""
    model = load_model(ModelSpec(server.url, server=ServerSpec(**more)))
    requests = model.tokenizer.requests(ASKED)
    server.asked.clear()
    server.answered.clear()
    server._numbers.clear()
    server.fault = fault or (lambda path, number: None)
    return dict(model.generate(requests, max_new_tokens=2, is_done=lambda _: False))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_costs_one_more_request_and_nothing_else(server: TinyServer, kind: str) -> None:
    wanted = texts(server)
    struck = {3, 4, 11}
    found = texts(server, lambda path, number: kind if number in struck else None, timeout=1.5)
    assert found == wanted
    assert max(Counter(server.bodies()).values()) == 1
    assert len(server.asked) == len(ASKED) + len(struck)


def test_a_server_that_stays_away_ends_in_one_line_and_keeps_what_it_said(
    server: TinyServer, tmp_path: Path
) -> None:
    whole = harness.run(server.url, out=tmp_path / "whole", cache=False, **RUN)
    server._numbers.clear()
    server.answered.clear()
    probing = 2
    server.fault = lambda path, number: "500" if number >= probing + 3 else None
    with pytest.raises(IncompleteRunError, match="does not answer: status 500, trouble"):
        harness.run(server.url, out=tmp_path / "run", concurrency=1, **RUN)
    server.fault = lambda path, number: None
    resumed = harness.run(server.url, out=tmp_path / "run", concurrency=1, **RUN)
    keys = ["variant_id", "example_id", "text", "score"]
    assert resumed.samples[keys].equals(whole.samples[keys])
    cells = [body for body in server.bodies() if "capital of France" not in body]
    assert len(cells) == len(set(cells)) == len(whole.samples)


def test_a_budget_stops_and_a_larger_one_goes_on(server: TinyServer, tmp_path: Path) -> None:
    priced = {**RUN, "price_in": 1.0, "price_out": 2.0, "concurrency": 1, "out": tmp_path / "run"}
    with pytest.raises(IncompleteRunError, match=r"no budget is left: 0\.\d+ of max_cost"):
        harness.run(server.url, max_cost=0.0003, **priced)
    with pytest.raises(IncompleteRunError, match="no budget is left"):
        harness.run(server.url, max_cost=0.0003, **priced)
    run = harness.run(server.url, max_cost=1, **priced)
    assert 0.0003 < run.manifest["usage"]["cost"] < 0.1
    cells = [body for body in server.bodies() if "capital of France" not in body]
    assert len(cells) == len(set(cells)) == len(run.samples)


def test_likelihoods_survive_faults(server: TinyServer) -> None:
    server.offers = EVERYTHING - {"echo"}
    model = load_model(ModelSpec(server.url))
    asked = [Asked("Review: A warm film. Sentiment:", {"p": " positive", "n": " negative, no"})]
    requests = model.tokenizer.requests(asked)
    wanted = dict(model.loglik(requests))
    server._numbers.clear()
    server.fault = lambda path, number: FAULTS[number] if number in (0, 2, 3) else None
    assert dict(model.loglik(requests)) == wanted


def test_the_most_in_flight_is_what_was_asked_for(server: TinyServer) -> None:
    server.seconds, server.most_at_once = 0.02, 0
    texts(server, concurrency=3)
    server.seconds = 0.0
    assert server.most_at_once == 3
