"""A real llama.cpp server with the bundled model: what is read from it is what it computes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from socket import socket
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.models import ModelSpec, load_model
from harness.models.contract import Asked
from harness.models.loading.bundled import find_bundled
from harness.models.servers.model import ServedModel
from harness.models.spec import ServerSpec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None,
        reason="no llama.cpp server; type: pip install xllamacpp",
    ),
]

_SERVE = """
import sys, time
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames, params.port = ["127.0.0.1"], int(sys.argv[2])
params.n_ctx, params.n_parallel = 1024, 2
params.cpuparams.n_threads = 1
server = xllamacpp.Server(params)
time.sleep(3600)
"""
ASKED = [
    Asked("Is it positive or negative?\n\nText: a great film\nSentiment:",
          {"p": " positive", "n": " negative", "odd": " unspeakably odd"}),
    Asked("Is it positive or negative?\n\nText: awful and dull\nSentiment:",
          {"p": " positive", "n": " negative"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    try:
        path = find_bundled("smollm2-135m")
    except UsageError as error:
        pytest.skip(str(error))
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, str(path), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as served:
        try:
            _wait(f"http://127.0.0.1:{port}/health", served)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            served.kill()


def _wait(url: str, served: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if served.poll() is not None:
            pytest.skip("llama.cpp's server does not start here")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("llama.cpp's server does not come up")


@pytest.fixture(scope="module")
def model(url: str) -> ServedModel:
    loaded = load_model(ModelSpec(url))
    assert isinstance(loaded, ServedModel)
    return loaded


def test_its_silence_about_echo_is_found_and_labels_are_forced(model: ServedModel) -> None:
    offer = model.info.offer
    assert (offer.likelihood, offer.way, offer.prompt, offer.chat) == (
        "exact", "forced", "tokens", "tokens",
    )  # fmt: skip
    assert "echo is ignored" in model.notes[0]
    assert (model.info.parameters, model.info.dtype) == (134515008, "Q4_1")
    assert model.info.max_context >= 512


def test_label_likelihoods_are_teacher_forcing_by_hand(model: ServedModel, url: str) -> None:
    requests = model.tokenizer.requests(ASKED)
    scores = dict(model.loglik(requests))
    for place, request in enumerate(requests):
        for label, tokens in request.continuations.items():
            by_hand = sum(
                _whole_vocabulary(url, [*request.context, *tokens[:n]])[token]
                for n, token in enumerate(tokens)
            )
            assert (scores[place].scores or {})[label] == pytest.approx(by_hand, abs=1e-3)


def _whole_vocabulary(url: str, prompt: list[int]) -> dict[int, float]:
    body = {"prompt": prompt, "n_predict": 1, "n_probs": 49152, "temperature": 0}
    asked = urllib.request.Request(
        url.removesuffix("/v1") + "/completion",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=300) as response:
        answer: dict[str, Any] = json.load(response)
    listed = answer["completion_probabilities"][0]["top_logprobs"]
    return {one["id"]: one["logprob"] for one in listed}


def test_its_answers_are_those_of_the_engine_here(model: ServedModel) -> None:
    local = load_model(ModelSpec("smollm2-135m", device="cpu"))
    ours = dict(local.loglik(local.tokenizer.requests(ASKED)))
    theirs = dict(model.loglik(model.tokenizer.requests(ASKED)))
    for place in range(len(ASKED)):
        here, there = dict(ours[place].scores or {}), dict(theirs[place].scores or {})
        assert max(here, key=here.__getitem__) == max(there, key=there.__getitem__)
        assert there["p"] == pytest.approx(here["p"], abs=0.3)  # it rounds activations to 8 bits
    turns = [{"role": "user", "content": "Say hello."}]
    assert model.tokenizer.render_chat(turns) == local.tokenizer.render_chat(turns)
    texts = [Asked(one.text) for one in ASKED]
    assert model.tokenizer.requests(texts) == local.tokenizer.requests(texts)


def test_a_name_that_it_does_not_list_is_told(url: str) -> None:
    with pytest.raises(UsageError, match="unknown model of the server at"):
        load_model(ModelSpec("openai:gpt", server=ServerSpec(base_url=url)))
