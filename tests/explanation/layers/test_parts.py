"""What is read of a model's layers: heads whose weights are set by hand, and other layouts."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from harness.core.errors import UsageError
from harness.explanation.layers.parts import read_layers
from harness.explanation.layers.relations import related_words
from harness.explanation.layers.swap import swapped
from tests.support.tiny_models import make_model

KNOWN = ("llama", "gpt2", "gemma", "gemma2", "gemma3", "qwen2", "qwen3", "mistral")


def scores_seen(model: Any, ids: list[int]) -> Any:
    """What the first layer's heads score each word by each, without place: [heads, words, words].

    Every word stands alone at place 0, where neither rotary nor learned positions tell words apart;
    queries and keys are caught on their way into the attention function.
    """
    from transformers import AttentionInterface

    seen: list[tuple[Any, Any]] = []

    def catch(module: Any, query: Any, key: Any, value: Any, mask: Any, **_: Any) -> Any:
        seen.append((query, key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)))
        return value.repeat_interleave(query.shape[1] // key.shape[1], dim=1).transpose(1, 2), None

    AttentionInterface.register("caught", catch)
    model.set_attn_implementation("caught")
    with torch.no_grad():
        model(input_ids=torch.tensor(ids)[:, None], use_cache=False)
    query, key = (side[:, :, 0].transpose(0, 1) for side in seen[0])
    return (query @ key.transpose(1, 2)).numpy()


@pytest.mark.parametrize("architecture", KNOWN)
def test_queries_and_keys_are_those_of_the_model(architecture: str) -> None:
    model = make_model(architecture)
    if architecture == "gpt2":  # whose positions are part of what comes to the first layer
        torch.nn.init.zeros_(model.transformer.wpe.weight)
    ids = [20, 31, 44, 57, 90]
    (layer, *_) = read_layers(model)
    with torch.no_grad():
        embeddings = model.get_input_embeddings()(torch.tensor(ids))
        scores = layer.queries(embeddings) @ layer.keys(embeddings).transpose(1, 2)
    assert scores.shape == (4, 5, 5)
    assert scores.numpy() == pytest.approx(scores_seen(model, ids), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_what_neurons_write_is_what_the_network_adds(architecture: str) -> None:
    model = make_model(architecture)
    (layer, *_) = read_layers(model)
    block: Any = layer.module
    last = block.mlp.down_proj if architecture == "llama" else block.mlp.c_proj
    active = torch.zeros(layer.written.shape[0])
    active[3] = 1.0
    with torch.no_grad():
        told = last(active) - last(torch.zeros_like(active))
    assert layer.written[3].tolist() == pytest.approx(told.tolist())


def test_a_head_whose_weights_are_set_asks_for_the_word_that_they_say() -> None:
    """Keys tell words apart by one number; head 2 wants much of it, the heads beside it little."""
    model = make_model("llama")
    attention = model.model.layers[0].self_attn
    with torch.no_grad():
        embeddings = torch.zeros(3, 32)
        embeddings[0, 0] = embeddings[1, 1] = embeddings[2, 2] = 1.0
        for weight in (attention.q_proj.weight, attention.k_proj.weight):
            weight.zero_()
        # Four heads of size 8 share keys in pairs: heads 2 and 3 read the second pair's.
        attention.k_proj.weight[8, 2] = 1.0  # word 2 offers
        attention.q_proj.weight[16, 0] = 1.0  # in head 2 word 0 asks for it
        attention.q_proj.weight[24, 1] = -1.0  # in head 3 word 1 shuns it
        layer = read_layers(model)[0]
        queries, keys = layer.queries(embeddings).numpy(), layer.keys(embeddings).numpy()
    related = related_words(queries, keys, top=1)[:, :, 0]
    assert related[2, 0] == 2
    assert related[3, 1] == 0
    scores = queries @ keys.transpose(0, 2, 1)
    assert np.count_nonzero(scores) == 2


@pytest.mark.parametrize(
    ("architecture", "missing"),
    [
        ("bloom", "input_layernorm|self_attn.q_proj"),
        ("mamba", "input_layernorm"),
        ("t5", "list of a decoder's layers"),
    ],
)
def test_another_layout_is_refused_by_what_it_lacks(architecture: str, missing: str) -> None:
    with pytest.raises(UsageError, match=rf"the layers of a {architecture} model: it has no"):
        read_layers(make_model(architecture))
    with pytest.raises(UsageError, match=re.compile(f"no ({missing})")):
        read_layers(make_model(architecture))


def test_a_swapped_layer_comes_back() -> None:
    base, tuned = make_model("llama", seed=0), make_model("llama", seed=1)
    before = [one.clone() for one in tuned.parameters()]
    first, second = read_layers(base)[1].module, read_layers(tuned)[1].module
    with swapped(second, first):
        for one, other in zip(first.parameters(), second.parameters(), strict=True):
            assert torch.equal(one, other)
    for one, other in zip(before, tuned.parameters(), strict=True):
        assert torch.equal(one, other)
