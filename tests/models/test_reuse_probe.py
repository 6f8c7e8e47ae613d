"""A model whose prefixes can't be shared is found out before it gives a wrong number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor
from transformers import PretrainedConfig

from harness.core.errors import UsageError
from harness.models.inference import attention
from harness.models.inference.attention import AttentionOptions
from harness.models.inference.reuse_probe import check_reuse, packed
from tests.support.requests import assert_scores, some_requests, wrap
from tests.support.tiny_models import MAX_CONTEXT, VOCABULARY, make_model


def test_a_model_that_can_share_says_nothing() -> None:
    reuse = check_reuse(make_model("llama"))
    assert (reuse.longest, reuse.note) == (None, None)


@pytest.mark.parametrize(
    ("architecture", "reason"), [("bloom", "can't be replaced"), ("mamba", "a state")]
)
def test_what_can_not_share_is_noted_once(architecture: str, reason: str) -> None:
    model = wrap(architecture)
    list(model.loglik(some_requests()))
    list(model.loglik(some_requests()))
    (note,) = model.notes
    assert reason in note


def test_an_attention_that_differs_is_found_by_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    right = attention.scaled_attention

    def wrong(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
    ) -> Tensor:
        # Sees all keys alike.
        return right(query * 0, key, value, mask, options)

    monkeypatch.setattr(attention, "scaled_attention", wrong)
    model = wrap("llama")
    (note,) = model.notes
    assert "changes a probe's score" in note
    assert_scores(model, some_requests())


def test_an_attention_that_gives_no_number_is_found_by_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = attention.scaled_attention

    def undefined(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
    ) -> Tensor:
        return right(query, key, value, mask, options) * float("nan")

    monkeypatch.setattr(attention, "scaled_attention", undefined)
    assert check_reuse(make_model("llama")).longest == 0


def test_code_that_fails_on_packed_rows_is_found_by_the_probe() -> None:
    model = make_model("llama")
    layer = model.model.layers[1].self_attn
    del layer.layer_idx
    reuse = check_reuse(model)
    assert reuse.longest == 0
    assert "fails on packed rows (AttributeError)" in (reuse.note or "")


def test_a_window_that_the_layers_do_not_tell_limits_what_is_shared() -> None:
    model = make_model("mistral")
    model.config.sliding_window = 64  # longer than the probe, which can't tell
    for layer in model.model.layers:
        forward = layer.self_attn.forward
        layer.self_attn.forward = _without_window(forward, model.config)
    assert check_reuse(model).longest == 64


def _without_window(forward: Callable[..., Any], config: PretrainedConfig) -> Callable[..., Any]:
    def hide(*args: Any, **kwargs: Any) -> Any:
        window, config.sliding_window = config.sliding_window, None
        try:
            return forward(*args, **kwargs)
        finally:
            config.sliding_window = window

    return hide


def test_longer_prompts_than_may_be_shared_are_computed_in_full_and_noted() -> None:
    model = wrap("llama")
    model._reuse = type(model._reuse)(longest=45)
    assert_scores(model, some_requests())
    (note,) = model.notes
    assert "more than 45 tokens" in note


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_rotary_scaling_by_length_limits_what_is_shared(kind: str) -> None:
    model = make_model("llama")
    model.config.rope_parameters = {
        "rope_type": kind,
        "rope_theta": 10_000.0,
        "original_max_position_embeddings": 64,
    }
    assert check_reuse(model).longest == 64


def test_the_model_gets_its_own_attention_back() -> None:
    model = make_model("llama")
    own = model.config._attn_implementation
    with pytest.raises(RuntimeError), packed(model):
        assert model.config._attn_implementation == attention.IMPLEMENTATION
        raise RuntimeError
    assert model.config._attn_implementation == own


def test_a_model_that_looks_ahead_is_refused() -> None:
    from transformers import BertConfig, BertLMHeadModel

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=MAX_CONTEXT,
        initializer_range=0.25,
    )
    with pytest.raises(UsageError, match="bert is no causal language model"):
        check_reuse(BertLMHeadModel(config).eval())
