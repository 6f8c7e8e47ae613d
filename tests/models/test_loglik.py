"""Scores are the summed log-likelihoods of plain forwards, however they are computed."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import torch

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models.inference.budget import Budget
from tests.support.requests import (
    assert_scores,
    input_first_requests,
    rooted_requests,
    scores_of,
    shared,
    some_requests,
    wrap,
)
from tests.support.tiny_models import (
    ARCHITECTURES,
)

SHARING = [name for name in ARCHITECTURES if name not in ("bloom", "mamba")]
SHARED_SINCE = {"gpt2": (5, 6), "gemma2": (5, 23)}
"""transformers from which prefixes are shared; before, the probe has prompts computed in full."""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_are_those_of_plain_forwards(architecture: str) -> None:
    assert_scores(shared(architecture), some_requests())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("tokens", [40, 10_000])
def test_scores_are_those_of_plain_forwards_with_the_input_first(
    architecture: str, tokens: int
) -> None:
    # Few rows per batch and all in one: inputs longer than a budget, sliding windows that end
    # within the input, instructions that share a beginning.
    assert_scores(wrap(architecture, Budget(tokens, tokens)), input_first_requests())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_are_those_of_plain_forwards_where_all_prefixes_share_a_root(
    architecture: str,
) -> None:
    assert_scores(shared(architecture), rooted_requests())


@pytest.mark.parametrize("architecture", SHARING)
def test_prefixes_are_shared(architecture: str) -> None:
    installed = tuple(map(int, version("transformers").split(".")[:2]))
    if installed < SHARED_SINCE.get(architecture, (5, 0)):
        pytest.skip(f"transformers {version('transformers')}: prompts are computed in full")
    # Windows of 8 tokens included: every prompt of these requests is longer.
    assert shared(architecture).notes == []


@pytest.mark.parametrize("architecture", ["llama", "gemma3", "mamba"])
def test_batches_of_one_and_of_many_give_the_same(architecture: str) -> None:
    requests = some_requests(1)
    small = dict(wrap(architecture, Budget(tokens=1, logit_rows=1)).loglik(requests))
    large = dict(wrap(architecture, Budget(tokens=10_000, logit_rows=10_000)).loglik(requests))
    for index in range(len(requests)):
        assert small[index].scores == pytest.approx(large[index].scores, abs=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "mamba"])
def test_odd_requests(architecture: str) -> None:
    labels = {"a": (11,), "b": (12, 13)}
    assert_scores(
        shared(architecture),
        [
            Request((5,), labels),  # nothing to share
            Request((5, 6, 7), labels),
            Request((5, 6), labels),  # the beginning of another one
            Request((5, 6, 7), labels),  # the same once more
            Request((5, 6, 7), {"a": (11, 12, 13)}),  # the same context, other labels
            Request((5, 6, 7, 11), {"b": (9,)}),  # a context that is another one's label
            Request((20, 21), {"nothing": (), "a": (11,)}),
        ],
    )


def test_a_request_without_labels_has_no_scores() -> None:
    (answer,) = shared("llama").loglik([Request((5, 6))])
    assert answer[0] == 0
    assert answer[1].scores == {}


def test_no_request_no_response() -> None:
    assert list(shared("llama").loglik([])) == []


def test_a_text_scores_the_same_wherever_it_is_cut() -> None:
    text = tuple(range(20, 40))
    model = shared("llama")
    cuts = [Request(text[:cut], {"rest": text[cut:]}) for cut in (5, 10, 15)]
    (whole,) = scores_of(model, [Request(text[:1], {"rest": text[1:]})])
    for request, rest in zip(cuts, scores_of(model, cuts), strict=True):
        (head,) = scores_of(model, [Request(text[:1], {"head": request.context[1:]})])
        assert head["head"] + rest["rest"] == pytest.approx(whole["rest"], abs=1e-3)


def test_half_precision_is_near() -> None:
    model = wrap("llama")
    exact = dict(model.loglik(some_requests()))
    model._model.to(torch.bfloat16)
    for index, response in model.loglik(some_requests()):
        assert response.scores == pytest.approx(exact[index].scores, abs=1.0)


def test_the_order_of_requests_does_not_matter() -> None:
    requests = some_requests(2)
    model = shared("llama")
    there = dict(model.loglik(requests))
    back = dict(model.loglik(requests[::-1]))
    for index in range(len(requests)):
        mirrored = back[len(requests) - 1 - index].scores
        assert mirrored == pytest.approx(there[index].scores, abs=1e-4)


def test_a_prompt_longer_than_the_context_is_refused_with_its_length() -> None:
    request = Request((5,) * 250, {"long": (6,) * 10})
    with pytest.raises(UsageError, match=r"260 tokens.*tiny takes 256"):
        list(shared("llama").loglik([request]))


def test_a_prompt_of_exactly_the_context_is_scored() -> None:
    assert_scores(shared("gpt2"), [Request((5,) * 246, {"long": (6,) * 10})])


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(UsageError, match="no token"):
        list(shared("llama").loglik([Request((), {"a": (1,)})]))


def test_scores_that_are_not_numbers_are_refused() -> None:
    model = wrap("llama")
    model._model.get_output_embeddings().weight.data.fill_(float("nan"))
    with pytest.raises(UsageError, match=r"no number.*float32"):
        list(model.loglik(some_requests()))
