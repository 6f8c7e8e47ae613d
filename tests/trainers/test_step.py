"""One step: micro-batches, GradCache, padding and positions never change loss or gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from tests.support.tiny_models import ARCHITECTURES, make_model
from tests.support.trainers_tiny import tiny_gpt2, tiny_llama, tiny_pairs, tiny_tokenizer
from trainers.choices import PaddingSide, PoolAt, Pooling
from trainers.collator import MicroBatch, PairCollator
from trainers.features import EncodedPair, PairEncoder
from trainers.forward import PairForward
from trainers.gradcache import SingleProcess, StepReport, run_step
from trainers.loss import LossOptions, compute_terms
from trainers.objectives import TERMS, Term, parse_objective
from trainers.objectives.contrast import contrast_loss
from trainers.objectives.terms import Share
from trainers.outputs import Outputs, Totals, count

ALL = "coin,im=0.3,consistency=0.7,consensus=0.2"


@lru_cache(maxsize=1)
def encoded() -> list[EncodedPair]:
    return PairEncoder(tiny_tokenizer(), "plain", end_token=True, content=True).encode(
        tiny_pairs(8)
    )


def collate(micro: int, side: PaddingSide = "left") -> list[MicroBatch]:
    items = list(enumerate(encoded()))
    return PairCollator(pad_id=0, micro=micro, side=side)(items)["micro"]


def step(
    model: PreTrainedModel,
    batches: Sequence[MicroBatch],
    *,
    objective: str = "coin",
    pooling: Pooling = "last",
    pool_at: PoolAt = "sequence-end",
    **options: Any,
) -> tuple[StepReport, dict[str, torch.Tensor]]:
    loss = LossOptions(terms=parse_objective(objective), strict_majority=False, **options)
    forward = PairForward(
        model, pooling=pooling, pool_at=pool_at, predicts_prompt=loss.predicts_prompt
    )
    model.zero_grad()
    report = run_step(
        batches,
        lambda micro: forward(model, micro),
        loss,
        SingleProcess(),
        lambda value: value.backward(),
    )
    return report, {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_same(
    left: tuple[StepReport, dict[str, torch.Tensor]],
    right: tuple[StepReport, dict[str, torch.Tensor]],
) -> None:
    assert left[0].loss == pytest.approx(right[0].loss, rel=1e-5)
    assert left[0].terms == pytest.approx(right[0].terms, rel=1e-5, abs=1e-7)
    assert left[1].keys() == right[1].keys()
    for name, gradient in left[1].items():
        scale = gradient.abs().max().item() + 1e-8
        assert torch.allclose(gradient, right[1][name], atol=2e-5 * scale, rtol=1e-4), name


@pytest.mark.parametrize(
    "objective", ["sft", "coin", "im,contrast=0.5", "consistency", "vrex,worst=0.5", ALL]
)
@pytest.mark.parametrize("micro", [1, 3, 4])
def test_one_batch_of_8_equals_micro_batches(objective: str, micro: int) -> None:
    model = tiny_llama()
    whole = step(model, collate(8), objective=objective)
    assert_same(whole, step(model, collate(micro), objective=objective))


@pytest.mark.parametrize("pool_at", ["sequence-end", "prompt-end"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "first_last"])
def test_padding_side_does_not_matter(pooling: Pooling, pool_at: PoolAt) -> None:
    model = tiny_llama()
    left = step(model, collate(4, "left"), objective=ALL, pooling=pooling, pool_at=pool_at)
    right = step(model, collate(4, "right"), objective=ALL, pooling=pooling, pool_at=pool_at)
    assert_same(left, right)


def test_learned_positions_are_counted_from_the_first_token() -> None:
    model = tiny_gpt2()
    left, right = step(model, collate(8, "left")), step(model, collate(8, "right"))
    assert_same(left, right)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_architectures_agree_with_micro_batches_and_either_side(architecture: str) -> None:
    model = make_model(architecture)  # in evaluation mode: some have dropout
    whole = step(model, collate(8, "left"), objective="coin,im=0.5")
    parts = step(model, collate(2, "right"), objective="coin,im=0.5")
    assert whole[0].loss == pytest.approx(parts[0].loss, rel=1e-4)


def test_step_by_step_arithmetic_of_the_reference() -> None:
    """The whole loss, computed once more from plain forwards of single texts."""
    model = tiny_llama()
    nll: list[list[float]] = []
    states: list[torch.Tensor] = []
    for texts in ([p.original for p in encoded()], [p.paraphrase for p in encoded()]):
        found: list[float] = []
        for text in texts:
            ids = torch.tensor([text.ids])
            out = model(ids, output_hidden_states=True)
            scores = out.logits[0].log_softmax(-1)
            found += [-scores[t - 1, text.ids[t]].item() for t in range(text.prompt, len(text.ids))]
            states.append(out.hidden_states[-1][0, -1])
        nll.append(found)
    generation = sum(sum(part) / len(part) for part in nll)
    pooled = torch.stack(states)
    contrast = contrast_loss(pooled[:8], pooled[8:], temperature=0.05).item()
    weight = min(1000.0, generation / contrast)
    report, _ = step(model, collate(8))
    assert report.terms["generation"] == pytest.approx(generation, rel=1e-5)
    assert report.terms["contrast"] == pytest.approx(contrast, rel=1e-5)
    assert report.contrast_weight == pytest.approx(weight, rel=1e-5)
    assert report.loss == pytest.approx(generation + weight * contrast, rel=1e-5)


def test_micro_negatives_are_those_of_the_micro_batch() -> None:
    model = tiny_llama()
    batches = collate(2)
    report, _ = step(model, batches, negatives="micro", fixed_weight=1.0)
    own = [step(model, [batch], fixed_weight=1.0)[0].terms["contrast"] for batch in batches]
    assert report.terms["contrast"] == pytest.approx(sum(own) / 4, rel=1e-5)
    whole = step(model, collate(8), fixed_weight=1.0)[0]
    assert report.terms["contrast"] < whole.terms["contrast"]  # fewer negatives, an easier task


def test_gradcache_sees_the_same_dropout_twice() -> None:
    model = tiny_llama(dropout=0.5).train()
    seen: list[torch.Tensor] = []
    loss = LossOptions(terms=parse_objective("coin"))
    forward = PairForward(model, pooling="last", pool_at="sequence-end", predicts_prompt=False)

    def run(micro: MicroBatch) -> Outputs:
        outputs = forward(model, micro)
        seen.append(outputs.states.detach())
        return outputs

    torch.manual_seed(5)
    run_step(collate(4), run, loss, SingleProcess(), lambda value: value.backward())
    assert len(seen) == 4
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    # and the generator goes on where a single pass would have left it
    after = torch.rand(1)
    torch.manual_seed(5)
    with torch.no_grad():
        for micro in collate(4):
            forward(model, micro)
    assert torch.equal(after, torch.rand(1))


def test_only_the_last_micro_batch_exchanges_gradients() -> None:
    model = tiny_llama()
    held: list[bool] = []
    depth = 0

    @contextmanager
    def hold() -> Iterator[None]:
        nonlocal depth
        depth += 1
        yield
        depth -= 1

    forward = PairForward(model, pooling="last", pool_at="sequence-end", predicts_prompt=False)

    def run(micro: MicroBatch) -> Outputs:
        if torch.is_grad_enabled():
            held.append(bool(depth))
        return forward(model, micro)

    loss = LossOptions(terms=parse_objective("coin"))
    run_step(collate(2), run, loss, SingleProcess(), lambda value: value.backward(), hold)
    assert held == [True, True, True, False]


def test_a_fixed_weight_replaces_the_adaptive_one() -> None:
    model = tiny_llama()
    report, _ = step(model, collate(4), fixed_weight=0.25)
    assert report.contrast_weight == pytest.approx(0.25)
    expected = report.terms["generation"] + 0.25 * report.terms["contrast"]
    assert report.loss == pytest.approx(expected, rel=1e-6)


def test_output_layer_sees_only_positions_of_interest() -> None:
    model = tiny_llama()
    widths: list[int] = []
    forward = PairForward(model, pooling="last", pool_at="sequence-end", predicts_prompt=False)
    model.lm_head.register_forward_pre_hook(lambda _, args: widths.append(args[0].shape[1]))
    batch = collate(8)[0]
    outputs = forward(model, batch)
    responses = int(batch["response"].sum())
    assert widths == [responses]
    assert outputs.logits.shape == (responses, 304)
    assert outputs.targets.tolist() == batch["input_ids"][batch["response"]].tolist()
    # other forwards, as in generation, are left alone
    assert model(batch["input_ids"]).logits.shape[:2] == batch["input_ids"].shape


def test_totals_count_what_terms_are_divided_by() -> None:
    batches = collate(3)
    totals = Totals(*count(batches).tolist())
    originals = [pair.original for pair in encoded()]
    assert totals.pairs == 8
    assert totals.original == sum(len(text.ids) - text.prompt for text in originals)
    assert totals.original_content == totals.original + sum(len(t.content) for t in originals)
    assert totals.aligned == totals.original == totals.paraphrase


@pytest.mark.parametrize("negatives", ["batch", "micro"])
def test_the_weight_of_the_contrast_costs_the_language_loss_alone(
    negatives: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GradCache's first pass has no graph; of the terms it reads one, and computes one."""
    read: list[str] = []

    def watch(term: Term) -> Share:
        share = load(term)

        def watched(outputs: Outputs, totals: Totals, options: LossOptions) -> torch.Tensor:
            if not torch.is_grad_enabled():
                read.append(term.name)
            return share(outputs, totals, options)

        return watched

    load = Term.load_share
    monkeypatch.setattr(Term, "load_share", watch)
    step(tiny_llama(), collate(2), objective=ALL, negatives=negatives)
    assert read == ["generation"] * 4


def test_each_row_of_the_table_has_its_file() -> None:
    for term in TERMS.values():
        assert term.about
        if term.compares_batch:
            assert term.load_comparison().__name__ == f"{term.name}_over_batch"
            continue
        assert term.load_share().__name__ == f"{term.name}_share"


def test_every_term_is_computed_and_none_more() -> None:
    model = tiny_llama()
    forward = PairForward(model, pooling="last", pool_at="sequence-end", predicts_prompt=True)
    batch = collate(8)[0]
    outputs, totals = forward(model, batch), Totals(*count([batch]).tolist())
    outputs = replace(outputs, teacher=outputs.logits)
    options = LossOptions(terms=dict.fromkeys(TERMS, 1.0))
    assert set(compute_terms(outputs, totals, options)) == {
        n for n, t in TERMS.items() if not t.compares_batch
    }
    only = LossOptions(terms={"divergence": 1.0})
    assert set(compute_terms(outputs, totals, only)) == {"divergence"}
