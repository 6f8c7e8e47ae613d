"""Terms that compare a batch: values by hand, a step in parts, the head that is thrown away."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file
from torch import nn, tensor

from harness.core.errors import NothingToEvaluateError, UsageError
from tests.support.callbacks import logged, train_in_two
from tests.support.tiny_models import ENCODER_DECODER_TOKENIZERS, make_model, make_tokenizer
from tests.support.trainers_tiny import (
    config_for,
    save_tiny,
    tiny_llama,
    tiny_pairs,
    tiny_tokenizer,
    write_rows,
)
from trainers.collator import MicroBatch, PairCollator
from trainers.config import TrainConfig, load_train_config
from trainers.encoder_decoder import EncoderDecoderCollator, EncoderDecoderForward
from trainers.features import PairEncoder
from trainers.forward import PairForward
from trainers.gradcache import SingleProcess, StepReport, run_step
from trainers.loss import LossOptions
from trainers.objectives import parse_objective
from trainers.objectives.contrast import contrast_loss
from trainers.objectives.invariance import invariance_loss
from trainers.objectives.supervised import supervised_loss
from trainers.pairs import read_pairs
from trainers.projection import HEAD_FILE, make_projection
from trainers.sampler import match_hard_negatives
from trainers.train import train

D = torch.float64
Gradients = dict[str, torch.Tensor]


def test_supervised_contrast_by_hand() -> None:
    # Unit vectors at 0, 90 and 180 degrees; the first two are of one class. T = 1/2 doubles them.
    states = tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]], dtype=D)
    found = supervised_loss(states, tensor([7, 7, 8]), temperature=0.5)
    first = math.log(math.exp(0) + math.exp(-2)) - 0  # its positive at cosine 0, the other at -1
    second = math.log(math.exp(0) + math.exp(0)) - 0
    assert found.item() == pytest.approx((first + second + 0) / 3, abs=1e-15)


def test_supervised_contrast_takes_the_mean_outside_of_the_logarithm() -> None:
    torch.manual_seed(0)
    states = torch.randn(5, 3, dtype=D)
    classes = [0, 0, 0, 1, 1]
    unit = states / states.norm(dim=1, keepdim=True)
    total = 0.0
    for i in range(5):
        scores = {a: (unit[i] @ unit[a]).item() / 0.1 for a in range(5) if a != i}
        below = math.log(sum(map(math.exp, scores.values())))
        positives = [p for p in scores if classes[p] == classes[i]]
        total -= sum(scores[p] - below for p in positives) / len(positives)
    found = supervised_loss(states, tensor(classes), temperature=0.1)
    assert found.item() == pytest.approx(total / 5, abs=1e-12)


def test_without_equal_answers_it_is_nearly_the_contrast() -> None:
    """With two texts a class, InfoNCE over all other texts instead of those of the other side."""
    original = tensor([[1.0, 0.0], [0.0, 1.0]], dtype=D)
    states = torch.cat([original, original])
    found = supervised_loss(states, tensor([0, 1, 0, 1]), temperature=1.0)
    assert found.item() == pytest.approx(math.log(math.e + 2) - 1)
    contrast = contrast_loss(original, original, temperature=1.0)
    assert contrast.item() == pytest.approx(math.log(math.e + 1) - 1)


def test_vicreg_by_hand() -> None:
    original = tensor([[0.0, 0.0], [1.0, 1.0]], dtype=D)
    paraphrase = tensor([[0.0, 0.0], [1.0, 3.0]], dtype=D)
    # One of four values differs, by 2. Variances 1/2, 1/2 and 1/2, 9/2; covariances 1/2 and 3/2.
    apart = 4 / 4
    low = 1 - math.sqrt(0.5 + 1e-4)
    flat = (low + low / 2) / 2
    tied = 2 * 0.25 / 2 + 2 * 2.25 / 2
    found = invariance_loss(original, paraphrase)
    assert found.item() == pytest.approx(25 * apart + 25 * flat + tied, abs=1e-12)


def test_vicreg_punishes_a_collapse_and_has_a_slope_there() -> None:
    states = torch.ones(4, 3, dtype=D, requires_grad=True)
    found = invariance_loss(states, states)
    assert found.item() == pytest.approx(25 * (1 - 0.01))
    found.backward()
    assert states.grad is not None
    assert states.grad.isfinite().all()


def batches(micro: int) -> list[MicroBatch]:
    encoder = PairEncoder(tiny_tokenizer(), "plain", end_token=True)
    collator = PairCollator(pad_id=0, micro=micro)
    return collator(list(enumerate(encoder.encode(tiny_pairs(8)))))["micro"]


def step(
    objective: str, micro: int, *, layer: int | None = None, projection: int = 0
) -> tuple[StepReport, Gradients]:
    model = tiny_llama().double()
    head = make_projection(16, projection, seed=3).double() if projection else None
    forward = PairForward(
        model, pooling="last", pool_at="prompt-end", predicts_prompt=False, layer=layer
    )
    return _run(model, head, forward, batches(micro), objective)


def _run(
    model: nn.Module,
    head: nn.Module | None,
    forward: PairForward,
    parts: list[MicroBatch],
    objective: str,
) -> tuple[StepReport, Gradients]:
    model.zero_grad()
    report = run_step(
        parts,
        lambda batch: forward(model, batch),
        LossOptions(terms=parse_objective(objective)),
        SingleProcess(),
        lambda value: value.backward(),
        projection=head,
    )
    modules = {"model": model, **({"head": head} if head is not None else {})}
    return report, {
        f"{name}.{key}": parameter.grad.clone()
        for name, module in modules.items()
        for key, parameter in module.named_parameters()
        if parameter.grad is not None
    }


def assert_same(left: tuple[StepReport, Gradients], right: tuple[StepReport, Gradients]) -> None:
    assert left[0].loss == pytest.approx(right[0].loss, rel=1e-6)
    assert left[0].terms == pytest.approx(right[0].terms, rel=1e-6)
    assert left[1].keys() == right[1].keys()
    for name, gradient in left[1].items():
        assert torch.allclose(gradient, right[1][name], atol=1e-10, rtol=1e-8), name


@pytest.mark.parametrize("objective", ["supcon", "vicreg", "coin,supervised=0.3,invariance=0.1"])
@pytest.mark.parametrize("projection", [0, 8])
def test_one_batch_equals_micro_batches(objective: str, projection: int) -> None:
    whole = step(objective, 8, layer=1, projection=projection)
    assert_same(whole, step(objective, 2, layer=1, projection=projection))
    assert_same(whole, step(objective, 1, layer=1, projection=projection))
    assert any(name.startswith("head.") for name in whole[1]) == bool(projection)


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_encoder_decoders_are_compared_alike(architecture: str) -> None:
    raw = make_tokenizer(ENCODER_DECODER_TOKENIZERS[architecture])
    encoder = PairEncoder(raw, "plain", end_token=True, architecture="encoder-decoder")
    pairs = list(enumerate(encoder.encode(tiny_pairs(4))))
    model = make_model(architecture).double()
    forward = EncoderDecoderForward(
        model, pooling="mean", pool_at="prompt-end", pool_in="encoder", layer=1
    )
    found = []
    for micro in (4, 1):
        head = make_projection(model.config.hidden_size, 8, seed=3).double()
        parts = EncoderDecoderCollator(pad_id=0, micro=micro, start=(0,))(pairs)["micro"]
        found.append(_run(model, head, forward, parts, "supcon,vicreg"))
    assert_same(*found)


def test_terms_are_taken_of_the_layer_and_behind_the_head() -> None:
    """The step's values, once more from plain forwards of single texts."""
    model, head = tiny_llama(), make_projection(16, 8, seed=3)
    encoder = PairEncoder(tiny_tokenizer(), "plain", end_token=True)
    pairs = encoder.encode(tiny_pairs(8))
    states = []
    for text in [p.original for p in pairs] + [p.paraphrase for p in pairs]:
        out = model(tensor([text.ids]), output_hidden_states=True)
        states.append(out.hidden_states[1][0, text.prompt - 1])
    seen = head(torch.stack(states))
    classes = tensor([pair.target == "yes" for pair in pairs] * 2)
    report, _ = step("supcon,vicreg", 8, layer=1, projection=8)
    expected = supervised_loss(seen, classes, temperature=0.05).item()
    assert report.terms["supervised"] == pytest.approx(expected, rel=1e-5)
    expected = invariance_loss(*seen.chunk(2)).item()
    assert report.terms["invariance"] == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    return save_tiny(tmp_path / "base", tiny_llama())


def test_the_head_is_trained_resumed_and_thrown_away(base: Path) -> None:
    options = {
        "objective": "supcon,vicreg",
        "projection": 8,
        "max_steps": 4,
        "pool_at": "prompt-end",
    }
    whole = train(config_for(base, out=base.parent / "whole", **options))
    resumed = train_in_two(config_for(base, out=base.parent / "stopped", **options))
    assert logged(resumed.out, "loss", "supervised") == logged(whole.out, "loss", "supervised")
    last = whole.out / "checkpoints" / "checkpoint-4" / HEAD_FILE
    trained, first = load_file(last), make_projection(16, 8, seed=0).state_dict()
    assert not torch.equal(trained["0.weight"], first["0.weight"])
    assert {p.name for p in whole.out.glob("*.safetensors")} == {"adapter_model.safetensors"}
    left, right = (load_file(one.out / "adapter_model.safetensors") for one in (whole, resumed))
    assert all(torch.equal(left[key], right[key]) for key in left)


def test_a_pair_stands_beside_another_request_about_its_input(base: Path) -> None:
    rows = []
    for index in range(8):
        for task, target in (("colour", "yes"), ("shape", "round")):
            rows.append(
                {
                    "original": f"Tell me its {task}.",
                    "paraphrase": f"Which {task} has it?",
                    "input": f"thing {index}",
                    "target": target,
                    "task": task,
                }
            )
    file = write_rows(base.parent / "two.jsonl", rows)
    pairs = read_pairs(file)
    assert {pair.request_id for pair in pairs} == {"colour", "shape"}
    for unit in match_hard_negatives(pairs, Random(0), beside="input"):
        left, right = (pairs[index] for index in unit)
        assert left.input == right.input
        assert left.request_id != right.request_id
    options = {"pairs": file, "objective": "supcon", "beside": "input", "max_steps": 1}
    assert train(config_for(base, **options)).manifest["data"]["with_hard_negative"] == 16
    with pytest.raises(NothingToEvaluateError, match="--beside instruction"):
        train(config_for(base, out=base.parent / "other", beside="input", max_steps=1))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"objective": "supcon", "negatives": "micro"}, "supervised compares the whole batch"),
        ({"objective": "vicreg", "batch": 1}, "one row has no variance"),
        ({"layer": 1, "pooling": "first_last"}, "layer needs another pooling"),
        ({"beside": "imput"}, "input"),
        ({"objective": "supcom"}, "supcon"),
    ],
)
def test_what_does_not_go_together_is_told(options: dict[str, object], why: str) -> None:
    given = {"model": "m", "pairs": Path("p"), "out": Path("o"), **options}
    with pytest.raises(UsageError) as told:
        load_train_config(None, given)
    assert why in f"{told.value.message} {told.value.hint}"


def test_a_layer_that_the_model_has_not(base: Path) -> None:
    with pytest.raises(UsageError, match="has 2 layers"):
        train(config_for(base, layer=3))


def test_projection_is_of_terms_that_use_it() -> None:
    options = {"model": "m", "pairs": "p", "out": "o"}
    assert not TrainConfig.model_validate({**options, "objective": "coin"}).projected
    assert TrainConfig.model_validate({**options, "objective": "supcon"}).projected
    assert not TrainConfig.model_validate(
        {**options, "objective": "supcon", "projection": 0}
    ).projected
