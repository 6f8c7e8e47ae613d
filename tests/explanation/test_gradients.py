"""Gradients: against finite differences and captum, in batches, of words that cannot matter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.core.errors import UsageError
from harness.explanation import gradients
from harness.explanation.density import density, shares
from harness.explanation.explainable import check_in_memory
from harness.explanation.gradients import attribute, embeddings_of
from tests.support.tiny_models import (
    ARCHITECTURES,
    ENCODER_DECODERS,
    VOCABULARY,
    make_model,
)


@dataclass(frozen=True, slots=True)
class Asked:
    context: tuple[int, ...]
    answer: tuple[int, ...]


def asked(length: int, tokens: int, seed: int = 0) -> Asked:
    drawn = np.random.default_rng(seed).integers(8, VOCABULARY, length + tokens).tolist()
    return Asked(tuple(drawn[:length]), tuple(drawn[length:]))


SEVERAL = [asked(9, 1, 1), asked(14, 3, 2), asked(5, 2, 3), asked(14, 1, 4)]


@pytest.fixture(scope="module")
def exact() -> Any:
    """A model in double precision throughout, which those with RMS norms are not."""
    return make_model("gpt2").double().requires_grad_(False)


def probability(model: Any, one: Asked, m: int, embeddings: Any = None) -> Any:
    """p(y_m | x, y_<m) by a plain forward pass."""
    ids = torch.tensor([[*one.context, *one.answer[:m]]])
    with embeddings_of(model, lambda own: own if embeddings is None else embeddings):
        logits = model(input_ids=ids, use_cache=False).logits
    return logits[0, -1].softmax(-1)[one.answer[m]]


def test_finite_differences(exact: Any) -> None:
    one = asked(6, 2)
    found = dict(attribute(exact, [one]))[0]
    step = 1e-6
    for m in range(2):
        ids = torch.tensor([[*one.context, *one.answer[:m]]])
        embeddings = exact.get_input_embeddings()(ids)
        for n in range(len(one.context)):
            # Along the embedding itself: the derivative there is gradient x input.
            moved = []
            for sign in (1, -1):
                changed = embeddings.clone()
                changed[0, n] *= 1 + sign * step
                moved.append(probability(exact, one, m, changed).item())
            difference = (moved[0] - moved[1]) / (2 * step)
            assert found.importance[n, m] == pytest.approx(difference, rel=1e-6, abs=1e-12)


def test_the_log_probability_is_that_of_the_answer(exact: Any) -> None:
    one = SEVERAL[1]
    expected = sum(probability(exact, one, m).log().item() for m in range(3))
    assert dict(attribute(exact, [one]))[0].logp == pytest.approx(expected, rel=1e-9)


def test_captum_has_the_same_numbers(exact: Any) -> None:
    captum = pytest.importorskip("captum.attr")
    one = asked(7, 1)

    def forward(embeddings: Any) -> Any:
        logits = exact(inputs_embeds=embeddings, use_cache=False).logits
        return logits[:, -1].softmax(-1)[:, one.answer[0]]

    embeddings = exact.get_input_embeddings()(torch.tensor([one.context]))
    theirs = captum.InputXGradient(forward).attribute(embeddings.requires_grad_()).sum(-1)[0]
    ours = dict(attribute(exact, [one]))[0].importance[:, 0]
    assert np.abs(ours - theirs.detach().numpy()).max() <= 1e-5 * np.abs(ours).max()


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_a_batch_has_what_each_prompt_has_alone(architecture: str) -> None:
    model = make_model(architecture).double().requires_grad_(False)
    together = dict(attribute(model, SEVERAL))
    for index, one in enumerate(SEVERAL):
        alone = dict(attribute(model, [one]))[0].importance
        assert alone.shape == (len(one.context), len(one.answer))
        assert np.abs(alone).max() > 0
        # Rotary embeddings and norms of some models are of single precision throughout.
        assert together[index].importance == pytest.approx(alone, abs=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("architecture", list(ENCODER_DECODERS))
def test_an_encoder_decoders_prompt_is_what_its_encoder_reads(architecture: str) -> None:
    model = make_model(architecture).double().requires_grad_(False)
    start = (int(model.config.decoder_start_token_id or 0),)
    together = dict(attribute(model, SEVERAL, start))
    for index, one in enumerate(SEVERAL):
        alone = dict(attribute(model, [one], start))[0].importance
        assert together[index].importance == pytest.approx(alone, abs=1e-5 * np.abs(alone).max())
        assert np.abs(alone).max() > 0
    one = SEVERAL[1]
    ids, read = torch.tensor([one.context]), torch.tensor([[*start, *one.answer[:-1]]])
    logits = model(input_ids=ids, decoder_input_ids=read, use_cache=False).logits[0]
    expected = logits.log_softmax(-1)[range(3), list(one.answer)].sum().item()
    assert together[1].logp == pytest.approx(expected, rel=1e-5)


def test_a_word_whose_embedding_is_nothing_has_no_density() -> None:
    model = make_model("llama").requires_grad_(False)
    one = asked(8, 2)
    with torch.no_grad():
        model.get_input_embeddings().weight[one.context[3]] = 0
    importance = dict(attribute(model, [one]))[0].importance
    assert importance[3].tolist() == [0.0, 0.0]
    assert density(importance)[3] == shares(importance)[3] == 0


def test_weights_want_no_gradient_and_get_none(exact: Any) -> None:
    list(attribute(exact, [asked(5, 1)]))
    assert all(parameter.grad is None for parameter in exact.parameters())
    assert exact.get_input_embeddings()._forward_hooks == {}


def test_attention_without_gradients_is_replaced_and_put_back() -> None:
    model = make_model("llama").requires_grad_(False)
    expected = dict(attribute(model, SEVERAL))
    from harness.models.inference.reuse_probe import packed

    with packed(model):  # an attention that knows packed rows alone
        own = model.config._attn_implementation
        found = dict(attribute(model, SEVERAL))
        assert model.config._attn_implementation == own
    for index, one in expected.items():
        assert found[index].importance == pytest.approx(one.importance, abs=1e-12)


def test_a_model_that_knows_no_attention_with_gradients_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model("llama").requires_grad_(False)
    model.config._attn_implementation = "flash_attention_2"

    def refuse(name: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr(model, "set_attn_implementation", refuse)
    with pytest.raises(UsageError, match="llama has no attention through which gradients pass"):
        list(attribute(model, [asked(5, 1)]))


def test_layers_in_several_places_have_the_same_gradients(tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate")
    model = make_model("llama").requires_grad_(False)
    expected = dict(attribute(model, SEVERAL))
    parts = ("model.embed_tokens", "model.layers.0", "model.layers.1", "model.norm",
             "model.rotary_emb", "lm_head")  # fmt: skip
    places = dict.fromkeys(parts, "cpu")
    accelerate.dispatch_model(model, places, main_device="cpu", force_hooks=True)
    check_in_memory(model, "tiny")
    for index, found in attribute(model, SEVERAL):
        assert found.importance == pytest.approx(expected[index].importance, abs=1e-12)
    places["model.layers.1"] = "disk"
    accelerate.dispatch_model(model, places, main_device="cpu", offload_dir=tmp_path)
    with pytest.raises(UsageError, match="tiny has layers that the GPUs do not hold"):
        check_in_memory(model, "tiny")


def test_a_model_whose_weights_stop_gradients_is_refused() -> None:
    model = make_model("llama").requires_grad_(False)
    first = model.model.layers[0].register_forward_hook(lambda _m, _i, out: out.detach())
    try:
        with pytest.raises(UsageError, match="no gradient reaches the prompt"):
            list(attribute(model, [asked(5, 1)]))
    finally:
        first.remove()


def test_too_little_memory_halves_batches(monkeypatch: pytest.MonkeyPatch, exact: Any) -> None:
    sizes = []
    real = gradients._attribute

    def starved(model: Any, batch: Any, beginning: Any) -> Any:
        sizes.append(len(batch))
        if len(batch) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 byte")
        return real(model, batch, beginning)

    expected = dict(attribute(exact, SEVERAL))
    monkeypatch.setattr(gradients, "_attribute", starved)
    found = dict(attribute(exact, SEVERAL))
    assert sizes[0] > 1
    assert sorted(found) == [0, 1, 2, 3]
    assert found[1].importance == pytest.approx(expected[1].importance)


def test_memory_that_runs_out_on_the_way_back_halves_batches_too(
    monkeypatch: pytest.MonkeyPatch, exact: Any
) -> None:
    real, sizes = torch.autograd.grad, []

    def starved(outputs: Any, inputs: Any, **more: Any) -> Any:
        sizes.append(len(inputs))
        if len(inputs) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 byte")
        return real(outputs, inputs, **more)

    expected = dict(attribute(exact, SEVERAL))
    monkeypatch.setattr(torch.autograd, "grad", starved)
    found = dict(attribute(exact, SEVERAL))
    assert sizes[0] == 4
    assert set(sizes[1:]) == {2}
    assert sorted(found) == [0, 1, 2, 3]
    assert found[3].importance == pytest.approx(expected[3].importance)


def test_memory_for_not_even_one_prompt_is_said(
    monkeypatch: pytest.MonkeyPatch, exact: Any
) -> None:
    def starved(model: Any, batch: Any, beginning: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gradients, "_attribute", starved)
    with pytest.raises(UsageError, match=r"memory ran out on a single prompt of 14"):
        list(attribute(exact, [asked(14, 1)]))
