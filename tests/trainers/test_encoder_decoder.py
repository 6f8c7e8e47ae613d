"""Training an encoder-decoder: the tokens of an evaluation, a step by hand, and what is written."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models import ModelSpec, load_model
from harness.models.loading.encoder_decoder_tokenizer import EncoderDecoderTokenizer
from harness.prompting.prompts import Prompter
from harness.prompting.requests import RequestBuilder
from tests.support.tiny_models import (
    BOS_ID,
    ENCODER_DECODER_TOKENIZERS,
    ENCODER_DECODERS,
    END_ID,
    make_checkpoint,
    make_model,
    make_tokenizer,
)
from tests.support.trainers_tiny import config_for as tiny_config
from tests.support.trainers_tiny import tiny_pairs
from trainers.base_model import choose_targets
from trainers.choices import PoolAt, PoolIn, Pooling
from trainers.collator import MicroBatch, count_places, count_tokens
from trainers.config import TrainConfig
from trainers.encoder_decoder import EncoderDecoderCollator, EncoderDecoderForward
from trainers.features import EncodedPair, EncodedText, PairEncoder
from trainers.gradcache import SingleProcess, StepReport, run_step
from trainers.loss import LossOptions
from trainers.merge import merge
from trainers.objectives import parse_objective
from trainers.objectives.contrast import contrast_loss
from trainers.train import train
from trainers.validation import measure_pairs

STARTS = {"t5": (0,), "flan": (0,), "bart": (END_ID, BOS_ID)}
every = pytest.mark.parametrize("architecture", ENCODER_DECODERS)
Gradients = dict[str, torch.Tensor]


@cache
def encoded(architecture: str) -> list[EncodedPair]:
    raw = make_tokenizer(ENCODER_DECODER_TOKENIZERS[architecture])
    encoder = PairEncoder(raw, "plain", end_token=True, architecture="encoder-decoder")
    return encoder.encode(tiny_pairs(8))


@cache
def model_of(architecture: str) -> PreTrainedModel:
    model: PreTrainedModel = make_model(architecture)
    return model


def collate(architecture: str, micro: int) -> list[MicroBatch]:
    collator = EncoderDecoderCollator(pad_id=0, micro=micro, start=STARTS[architecture])
    return collator(list(enumerate(encoded(architecture))))["micro"]


def step(
    architecture: str,
    micro: int,
    *,
    objective: str = "coin",
    pooling: Pooling = "last",
    pool_at: PoolAt = "sequence-end",
    pool_in: PoolIn = "decoder",
) -> tuple[StepReport, Gradients]:
    model = model_of(architecture)
    forward = EncoderDecoderForward(model, pooling=pooling, pool_at=pool_at, pool_in=pool_in)
    model.zero_grad()
    report = run_step(
        collate(architecture, micro),
        lambda batch: forward(model, batch),
        LossOptions(terms=parse_objective(objective)),
        SingleProcess(),
        lambda value: value.backward(),
    )
    return report, {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@every
def test_training_sees_the_tokens_that_an_evaluation_scores(architecture: str) -> None:
    raw = make_tokenizer(ENCODER_DECODER_TOKENIZERS[architecture])
    pair = tiny_pairs(1)[0]
    prompter = Prompter("plain", pair.answer_cue, {"yes": "yes", "no": "no"})
    builder = RequestBuilder(prompter, EncoderDecoderTokenizer(raw), ("yes", "no"))
    (request,) = builder.build([prompter.ask(pair.original, pair.input)])
    text = encoded(architecture)[0].original
    assert text.ids[: text.prompt] == request.context
    assert text.ids[text.prompt :] == (*request.continuations["yes"], END_ID)


def test_the_collator_parts_prompts_from_responses() -> None:
    long, short = EncodedText((5, 6, 7, 8, 1), prompt=3), EncodedText((9, 4, 3, 1), prompt=1)
    collator = EncoderDecoderCollator(pad_id=0, micro=1, start=(2, 0))
    (batch,) = collator([(0, EncodedPair(long, short, "t", "i", "x"))])["micro"]
    found = {name: tensor.int().tolist() for name, tensor in batch.items()}  # type: ignore[attr-defined]
    assert found["input_ids"] == [[5, 6, 7], [9, 0, 0]]
    assert found["attention_mask"] == found["prompt"] == [[1, 1, 1], [1, 0, 0]]
    assert found["decoder_input_ids"] == [[2, 0, 8, 1, 0], [2, 0, 4, 3, 1]]
    assert found["decoder_mask"] == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert found["response"] == [[0, 1, 1, 0, 0], [0, 1, 1, 1, 0]]
    assert found["beginning"] == [[1, 1, 0, 0, 0]] * 2
    targets, marked = torch.tensor(found["targets"]), torch.tensor(found["response"]).bool()
    assert targets[marked].tolist() == [8, 1, 4, 3, 1]
    assert (count_tokens(batch), count_places(batch)) == (4 + 9, 6 + 10)


@every
@pytest.mark.parametrize("pool_in", ["decoder", "encoder"])
def test_step_by_step_arithmetic(architecture: str, pool_in: PoolIn) -> None:
    """The whole loss of `coin`, whose language part is `sft`'s, from forwards of single texts."""
    model, start = model_of(architecture), STARTS[architecture]
    nll: list[list[float]] = []
    states: list[torch.Tensor] = []
    pairs = encoded(architecture)
    for texts in ([p.original for p in pairs], [p.paraphrase for p in pairs]):
        found: list[float] = []
        for text in texts:
            response = text.ids[text.prompt :]
            with torch.no_grad():
                out = model(
                    input_ids=torch.tensor([text.ids[: text.prompt]]),
                    decoder_input_ids=torch.tensor([start + response]),
                    output_hidden_states=True,
                )
            scores = out.logits[0, len(start) - 1 :].log_softmax(-1)
            found += [-scores[place, token].item() for place, token in enumerate(response)]
            states.append(out[f"{pool_in}_hidden_states"][-1][0, -1])
        nll.append(found)
    generation = sum(sum(part) / len(part) for part in nll)
    pooled = torch.stack(states)
    contrast = contrast_loss(pooled[:8], pooled[8:], temperature=0.05).item()
    report, _ = step(architecture, 8, pool_in=pool_in)
    assert report.terms["generation"] == pytest.approx(generation, rel=1e-4)
    assert report.terms["contrast"] == pytest.approx(contrast, rel=1e-4)
    weight = min(1000.0, generation / contrast)
    assert report.loss == pytest.approx(generation + weight * contrast, rel=1e-4)
    sft, _ = step(architecture, 8, objective="sft")
    assert sft.loss == pytest.approx(generation, rel=1e-4)


@every
@pytest.mark.parametrize("objective", ["sft", "coin", "consistency", "coin,consensus"])
def test_one_batch_of_8_equals_micro_batches(architecture: str, objective: str) -> None:
    whole, parts = (step(architecture, micro, objective=objective) for micro in (8, 3))
    assert whole[0].loss == pytest.approx(parts[0].loss, rel=1e-4)
    assert torch.isfinite(torch.tensor(whole[0].loss))
    assert whole[1].keys() == parts[1].keys()
    # Some gradients are nothing but rounding: a bias of BART's keys changes no attention.
    scale = max(gradient.abs().max().item() for gradient in whole[1].values())
    for name, gradient in whole[1].items():
        assert torch.allclose(gradient, parts[1][name], atol=1e-5 * scale, rtol=1e-3), name


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "first_last"])
def test_each_pooling_of_each_side_is_another_one(pooling: Pooling) -> None:
    found = {
        (pool_in, pool_at): step(
            "t5", 8, objective="contrast=1,sft", pooling=pooling, pool_in=pool_in, pool_at=pool_at
        )[0].terms["contrast"]
        for pool_in in ("decoder", "encoder")
        for pool_at in ("sequence-end", "prompt-end")
    }
    assert found["encoder", "sequence-end"] == found["encoder", "prompt-end"]
    assert len({round(value, 4) for value in found.values()}) == 3


def test_validation_reads_both_sides() -> None:
    forward = EncoderDecoderForward(
        model_of("bart"), pooling="mean", pool_at="sequence-end", pool_in="encoder"
    )
    with torch.no_grad():
        (batch,) = collate("bart", 8)
        rows = measure_pairs(forward(model_of("bart"), batch))
    assert rows.shape == (8, 8)
    lengths = sorted(len(pair.original.ids) - pair.original.prompt for pair in encoded("bart"))
    assert sorted(rows[:, 1].tolist()) == lengths


def test_the_default_adapter_is_on_the_same_projections_by_their_own_names() -> None:
    default = TrainConfig(model="m", pairs=Path("p"), out=Path("o")).lora_targets
    assert choose_targets(make_model("t5"), default) == ("q", "k", "v", "o")
    assert choose_targets(make_model("bart"), default) == ("q_proj", "k_proj", "v_proj", "out_proj")
    assert choose_targets(make_model("gpt2"), default) == ("all-linear",)


config_for = partial(tiny_config, max_steps=3)


def scores(folder: Path) -> dict[str, float]:
    model = load_model(ModelSpec(str(folder), device="cpu"))
    assert model.info.architecture == "encoder-decoder"
    ((_, response),) = model.loglik([Request((5, 6, END_ID), {"a": (7,), "b": (8, 9)})])
    return dict(response.scores or {})


def test_an_adapter_is_what_harness_run_takes_alone_and_merged(tmp_path: Path) -> None:
    base = make_checkpoint(tmp_path / "base", "t5", "ended")
    trained = train(config_for(base, eval_share=0.25, pool_in="encoder", pooling="mean"))
    assert {"eval_loss", "eval_agreement", "last_contrast"} <= set(trained.metrics)
    assert '"task_type": "SEQ_2_SEQ_LM"' in (trained.out / "adapter_config.json").read_text()
    adapted = scores(trained.out)
    assert adapted != scores(base)
    merged = merge(str(trained.out), tmp_path / "merged")
    assert scores(merged.out) == pytest.approx(adapted, abs=1e-5)


def test_all_weights_learn_the_pairs_and_are_run(tmp_path: Path) -> None:
    base = make_checkpoint(tmp_path / "base", "bart", "wrapped")
    options = {"tuning": "full", "objective": "sft", "max_steps": 12, "schedule": "constant"}
    trained = train(config_for(base, micro_batch=8, **options))
    before, _ = step("bart", 8, objective="sft")
    assert trained.metrics["last_loss"] < before.loss / 2
    assert scores(trained.out) != scores(base)


def test_what_such_a_model_has_nothing_for_is_refused(tmp_path: Path) -> None:
    base = make_checkpoint(tmp_path / "base", "t5", "ended")
    with pytest.raises(UsageError, match=r"--objective coin,im predicts.*t5.*--objective sft"):
        train(config_for(base, objective="coin,im"))
    plain = make_checkpoint(tmp_path / "plain")
    with pytest.raises(UsageError, match=r"--pool-in encoder.*llama.*decoder alone"):
        train(config_for(plain, pool_in="encoder"))
    assert not (tmp_path / "ckpt").exists()
