"""A model whose layers lie in several places answers the same, as far as a CPU can show."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.core.errors import UsageError
from harness.models import ModelSpec, load_model
from harness.models.contract import Asked
from harness.models.inference.hf import HFModel
from harness.models.loading.devices import check_split
from harness.models.loading.pretrained_io import read_config, read_weights
from tests.support.tiny_models import make_checkpoint

accelerate = pytest.importorskip("accelerate")


def test_layers_that_are_fetched_when_they_are_run_answer_the_same(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model", "llama", "bytes")
    plain = load_model(ModelSpec(str(checkpoint), device="cpu"))
    assert isinstance(plain, HFModel)
    config = read_config(checkpoint, code=False)
    model = read_weights(checkpoint, config, torch.float32, code=False, device_map="cpu")
    places = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk",
              "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}  # fmt: skip
    model = accelerate.dispatch_model(
        model, places, main_device="cpu", offload_dir=tmp_path / "disk"
    )
    split = HFModel(model, plain.tokenizer, plain.info)
    texts = ["A warm film", "The plot goes nowhere, slowly", "Paris"]
    requests = plain.tokenizer.requests(
        [Asked(text, {"a": " positive", "b": " negative"}) for text in texts]
    )
    for (place, here), (other, there) in zip(
        sorted(plain.loglik(requests)), sorted(split.loglik(requests)), strict=True
    ):
        assert place == other
        assert there.scores == pytest.approx(here.scores, abs=1e-4)
    said = [
        dict(one.generate(requests, max_new_tokens=6, is_done=lambda _: False))
        for one in (plain, split)
    ]
    assert said[0] == said[1]


def test_a_machine_without_gpus_says_so() -> None:
    with pytest.raises(UsageError, match="--device split puts a model's layers on GPUs"):
        check_split(0)
    check_split(2)
