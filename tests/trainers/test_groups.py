"""Several instructions of one row in a batch, and the teacher that they agree with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file
from torch import nn, tensor

from harness.core.errors import UsageError
from tests.support.callbacks import logged, train_in_two
from tests.support.tiny_models import ENCODER_DECODER_TOKENIZERS, make_model, make_tokenizer
from tests.support.trainers_tiny import (
    config_for,
    save_tiny,
    tiny_gpt2,
    tiny_llama,
    tiny_tokenizer,
    write_rows,
)
from trainers.collator import MicroBatch, PairCollator
from trainers.config import TrainConfig, load_train_config
from trainers.encoder_decoder import EncoderDecoderCollator, EncoderDecoderForward
from trainers.features import PairEncoder
from trainers.forward import PairForward
from trainers.gradcache import SingleProcess, run_step
from trainers.groups import make_groups
from trainers.loss import LossOptions
from trainers.objectives import parse_objective
from trainers.objectives.teacher import teacher_loss
from trainers.outputs import Outputs, align_responses, by_row
from trainers.pairs import Pair
from trainers.sampler import PairBatchSampler
from trainers.teacher import TEACHER_FILE, Teacher
from trainers.train import train

D = torch.float64
ASKED = ("Is it nice?", "Nice or not: say it.", "Tell me: nice?", "Judge the thing.")


def rows_of_pairs(rows: int = 6, pairs: int = 2) -> list[Pair]:
    """Each row under two instructions a pair."""
    return [
        Pair(
            original=ASKED[number],
            paraphrase=f"Please. {ASKED[number]}",
            target=("yes", "no")[row % 2],
            input=f"thing {row}",
            task="things",
            request_id="things",
            instruction_id=ASKED[number],
            instance_id=f"i{row}",
            input_id=f"x{row}",
        )
        for row in range(rows)
        for number in range(pairs)
    ]


def test_texts_by_row_and_their_shared_tokens() -> None:
    texts = tensor([0, 1, 2, 3, 10, 11, 12, 13])
    assert by_row(texts, 2).tolist() == [[0, 1, 2, 3], [10, 11, 12, 13]]
    assert by_row(texts, 4).tolist() == [[0, 2], [1, 3], [10, 12], [11, 13]]
    # One row of two pairs: the texts have 2, 1, 2 and 3 response tokens, so the last is shared.
    rows = tensor([0, 0, 1, 2, 2, 3, 3, 3])
    ones = torch.ones(8, dtype=torch.bool)
    outputs = Outputs(torch.zeros(4, 1), torch.zeros(8, 1), torch.zeros(8), rows, ones)
    assert align_responses(outputs, 4).tolist() == [[1], [2], [4], [7]]
    assert align_responses(outputs).tolist() == [[0, 1, 2], [3, 4, 7]]


def test_the_teacher_term_by_hand() -> None:
    student = tensor([[[0.5, 0.5]], [[0.2, 0.8]]], dtype=D).log().requires_grad_()
    teacher = tensor([[[0.9, 0.1]], [[0.3, 0.7]]], dtype=D).log()  # on average .6 and .4
    found = teacher_loss(student, teacher)
    first = 0.6 * math.log(0.6 / 0.5) + 0.4 * math.log(0.4 / 0.5)
    second = 0.6 * math.log(0.6 / 0.2) + 0.4 * math.log(0.4 / 0.8)
    assert found.item() == pytest.approx((first + second) / 2, abs=1e-15)
    found.backward()
    assert student.grad is not None
    expected = [[[-0.05, 0.05]], [[-0.2, 0.2]]]  # (p - q) / instructions
    assert torch.allclose(student.grad, tensor(expected, dtype=D))
    assert teacher_loss(student, teacher, tokens=2).item() == pytest.approx(found.item() / 2)


def test_the_teacher_is_the_mean_first_and_slow_later() -> None:
    model = nn.Linear(1, 1, bias=False)
    frozen = nn.Parameter(torch.zeros(1), requires_grad=False)
    model.register_parameter("frozen", frozen)
    values = [3.0, 6.0, 9.0, 1.0]
    with torch.no_grad():
        model.weight.fill_(values[0])
    teacher = Teacher(model, decay=0.7)
    assert set(teacher.weights) == {"weight"}
    seen = []
    for step, value in enumerate(values[1:], 1):
        with torch.no_grad():
            model.weight.fill_(value)
        teacher.update(model, step=step)
        seen.append(teacher.weights["weight"].item())
    assert seen == pytest.approx([4.5, 6.0, 0.7 * 6 + 0.3 * 1])  # 3/4 would be more than .7
    assert teacher.standing_in(model)(input=torch.ones(1, 1)).item() == pytest.approx(seen[-1])
    assert model(torch.ones(1, 1)).item() == 1.0  # untouched


@pytest.mark.parametrize(("size", "pairs"), [(2, 4), (2, 3), (4, 5)])
def test_groups_are_whole_and_of_one_row(size: int, pairs: int) -> None:
    made = rows_of_pairs(3, 1)
    all_pairs = [replace(pair, original=f"{n}") for pair in made for n in range(pairs)]
    groups = make_groups(all_pairs, size, Random(0))
    for group in groups:
        assert len(set(group)) == len(group) == size
        assert len({all_pairs[index].instance_id for index in group}) == 1
    assert {index for group in groups for index in group} == set(range(len(all_pairs)))


def test_a_batch_holds_rows_and_their_hard_negatives_whole() -> None:
    pairs = rows_of_pairs(8, 4)
    sampler = PairBatchSampler(pairs, [5] * 32, batch=16, seed=0, together=4)
    batches = list(sampler)
    assert len(batches) == 2
    for batch in batches:
        rows = [pairs[index].instance_id for index in batch]
        assert rows == [row for row in rows[::4] for _ in range(4)]
        assert set(Counter(rows).values()) == {4}
    first = list(PairBatchSampler(pairs, [5] * 32, batch=8, seed=0, together=4, ranks=2, rank=0))
    other = list(PairBatchSampler(pairs, [5] * 32, batch=8, seed=0, together=4, ranks=2, rank=1))
    assert [a + b for a, b in zip(first, other, strict=True)] == batches


Measured = tuple[float, dict[str, float], dict[str, torch.Tensor]]


def measure(
    forward: PairForward, model: nn.Module, parts: Sequence[MicroBatch], objective: str
) -> Measured:
    model.zero_grad()
    teacher = Teacher(model, decay=0.9)
    for value in teacher.weights.values():
        value.mul_(1.1)  # another model than the student
    slow = teacher.standing_in(model)

    def teach(batch: MicroBatch) -> torch.Tensor:
        with torch.no_grad():
            return forward(slow, batch).logits

    report = run_step(
        parts,
        lambda batch: forward(model, batch),
        LossOptions(terms=parse_objective(objective), instructions=4),
        SingleProcess(),
        lambda value: value.backward(),
        teach=teach,
    )
    grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return report.loss, report.terms, grads


def assert_same(left: Measured, right: Measured) -> None:
    assert left[0] == pytest.approx(right[0], rel=1e-6)
    assert left[1] == pytest.approx(right[1], rel=1e-6)
    for name, gradient in left[2].items():
        assert torch.allclose(gradient, right[2][name], atol=1e-10, rtol=1e-8), name


@pytest.mark.parametrize(
    "objective", ["group", "vrex,worst,consensus,teacher,consistency", "supcon,teacher"]
)
def test_rows_in_one_batch_equal_rows_in_micro_batches(objective: str) -> None:
    model = tiny_llama().double()
    forward = PairForward(model, pooling="last", pool_at="prompt-end", predicts_prompt=False)
    items = list(
        enumerate(
            PairEncoder(tiny_tokenizer(), "plain", end_token=True).encode(rows_of_pairs(4, 2))
        )
    )
    found = [
        measure(
            forward,
            model,
            PairCollator(pad_id=0, micro=micro, together=2)(items)["micro"],
            objective,
        )
        for micro in (8, 2)
    ]
    assert_same(*found)
    assert found[0][1]["teacher"] > 0


def test_an_encoder_decoder_has_a_teacher() -> None:
    raw = make_tokenizer(ENCODER_DECODER_TOKENIZERS["t5"])
    encoder = PairEncoder(raw, "plain", end_token=True, architecture="encoder-decoder")
    items = list(enumerate(encoder.encode(rows_of_pairs(2, 2))))
    model = make_model("t5").double()
    forward = EncoderDecoderForward(model, pooling="last", pool_at="prompt-end", pool_in="decoder")
    found = [
        measure(
            forward,
            model,
            EncoderDecoderCollator(pad_id=0, micro=micro, start=(0,), together=2)(items)["micro"],
            "group",
        )
        for micro in (4, 2)
    ]
    assert_same(*found)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    write_rows(tmp_path / "pairs.jsonl", [pair.row() for pair in rows_of_pairs(8, 2)])
    return save_tiny(tmp_path / "base", tiny_llama())


GROUP = {"objective": "group", "instructions": 4, "max_steps": 4, "batch": 8, "micro_batch": 4}


def test_a_teacher_is_resumed_and_thrown_away(base: Path) -> None:
    whole = train(config_for(base, out=base.parent / "whole", **GROUP))
    resumed = train_in_two(config_for(base, out=base.parent / "stopped", **GROUP))
    assert logged(resumed.out, "loss", "teacher") == logged(whole.out, "loss", "teacher")
    kept = load_file(whole.out / "checkpoints" / "checkpoint-4" / TEACHER_FILE)
    assert all("lora_" in name for name in kept)  # the adapter's weights and no others
    student = load_file(whole.out / "adapter_model.safetensors")
    assert len(kept) == len(student)
    assert {p.name for p in whole.out.glob("*.safetensors")} == {"adapter_model.safetensors"}


def test_a_teacher_of_all_weights(base: Path) -> None:
    other = save_tiny(base.parent / "gpt2", tiny_gpt2())
    options = {**GROUP, "max_steps": 1, "tuning": "full", "max_length": 100}
    assert train(config_for(other, **options)).manifest["objective"]["teacher"] == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"objective": "coin", "instructions": 4}, "take supervised in its place"),
        ({"objective": "group", "instructions": 8, "micro_batch": 6}, "multiple of 4"),
        ({"objective": "group", "instructions": 3}, "multiple of 2"),
        ({"objective": "group", "instructions": 16}, "less than or equal to 8"),
        ({"objective": "grup"}, "group"),
        ({"teacher_decay": 1.0}, "less than 1"),
    ],
)
def test_what_does_not_go_together_is_told(options: dict[str, object], why: str) -> None:
    given = {"model": "m", "pairs": Path("p"), "out": Path("o"), **options}
    with pytest.raises(UsageError) as told:
        load_train_config(None, given)
    assert why in f"{told.value.message} {told.value.hint}"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"instructions": 8, "batch": 8}, "8 of 8 rows have fewer"),
        ({"instructions": 4, "batch": 7, "hard_negatives": False}, "cannot be parted into rows"),
        ({"instructions": 4, "batch": 2}, "a batch of 1 rows of 2 pairs"),
    ],
)
def test_pairs_that_are_too_few_for_a_row(base: Path, options: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        train(config_for(base, objective="group", **options))
    assert TrainConfig.model_fields["instructions"].default == 2
