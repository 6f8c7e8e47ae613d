"""Objectives: hand-computed values in float64, and what must not change them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import tensor

from harness.core.errors import UnknownNameError, UsageError
from trainers.objectives import parse_objective
from trainers.objectives.alignment import alignment_loss
from trainers.objectives.consensus import find_consensus
from trainers.objectives.contrast import contrast_loss, contrast_weight
from trainers.objectives.divergence import divergence_loss
from trainers.objectives.generation import generation_loss, token_nll
from trainers.objectives.majority import majority_loss
from trainers.objectives.risk import text_risks
from trainers.objectives.variance import variance_loss
from trainers.objectives.worst import worst_loss
from trainers.outputs import Outputs

D = torch.float64


def logits_of(*probabilities: list[float]) -> torch.Tensor:
    return tensor(probabilities, dtype=D).log()


def test_generation_is_the_sum_of_two_means() -> None:
    original = token_nll(logits_of([0.5, 0.5], [0.25, 0.75], [0.1, 0.9]), tensor([0, 0, 1]))
    paraphrase = token_nll(logits_of([0.2, 0.8]), tensor([0]))
    expected = -(math.log(0.5) + math.log(0.25) + math.log(0.9)) / 3 - math.log(0.2)
    assert generation_loss(original, paraphrase).item() == pytest.approx(expected, abs=1e-15)


def test_generation_of_parts_adds_up() -> None:
    nll = torch.rand(6, dtype=D)
    other = torch.rand(4, dtype=D)
    whole = generation_loss(nll, other)
    parts = [
        generation_loss(nll[:1], other[:3], original_tokens=6, paraphrase_tokens=4),
        generation_loss(nll[1:], other[3:], original_tokens=6, paraphrase_tokens=4),
    ]
    assert (parts[0] + parts[1]).item() == pytest.approx(whole.item(), abs=1e-15)


def test_contrast_by_hand() -> None:
    # cos: o1p1 = 1, o1p2 = 0, o2p1 = 3/5, o2p2 = 4/5; tau = 1/2 doubles them.
    original = tensor([[2.0, 0.0], [3.0, 4.0]], dtype=D)
    paraphrase = tensor([[1.0, 0.0], [0.0, 7.0]], dtype=D)
    s = [[2.0, 0.0], [1.2, 1.6]]

    def ce(row: list[float], right: int) -> float:
        return math.log(sum(map(math.exp, row))) - row[right]

    rows = (ce(s[0], 0) + ce(s[1], 1)) / 2
    columns = (ce([s[0][0], s[1][0]], 0) + ce([s[0][1], s[1][1]], 1)) / 2
    found = contrast_loss(original, paraphrase, temperature=0.5)
    assert found.item() == pytest.approx((rows + columns) / 2, abs=1e-14)


def test_contrast_ignores_lengths_and_is_symmetric() -> None:
    torch.manual_seed(0)
    o, p = torch.randn(5, 7, dtype=D), torch.randn(5, 7, dtype=D)
    value = contrast_loss(o, p, temperature=0.05)
    assert contrast_loss(3 * o, 0.1 * p, temperature=0.05).item() == pytest.approx(value.item())
    assert contrast_loss(p, o, temperature=0.05).item() == pytest.approx(value.item())


def test_adaptive_weight_is_the_ratio_up_to_the_limit_and_carries_no_gradient() -> None:
    generation = tensor(3.0, dtype=D, requires_grad=True)
    contrast = tensor(0.5, dtype=D, requires_grad=True)
    weight = contrast_weight(generation, contrast, limit=1000)
    assert weight.item() == 6.0
    assert not weight.requires_grad
    assert contrast_weight(generation, contrast, limit=4).item() == 4.0
    assert contrast_weight(generation, tensor(0.0), limit=1000).item() == 1000.0
    # The reference's total is then L_gen + L_gen: the contrast's share is as large as the other.
    assert (generation + weight * contrast).item() == pytest.approx(6.0)
    # and its gradient with respect to L_con is the weight alone
    (generation + weight * contrast).backward()
    assert contrast.grad is not None
    assert contrast.grad.item() == 6.0
    assert generation.grad is not None
    assert generation.grad.item() == 1.0


def test_divergence_by_hand() -> None:
    p, q = [0.5, 0.5], [0.9, 0.1]
    m = [0.7, 0.3]

    def kl(a: list[float], b: list[float]) -> float:
        return sum(x * math.log(x / y) for x, y in zip(a, b, strict=True))

    expected = (kl(p, m) + kl(q, m)) / 2
    found = divergence_loss(logits_of(p, p), logits_of(q, p))
    assert found.item() == pytest.approx(expected / 2, abs=1e-15)
    assert divergence_loss(logits_of(q), logits_of(p)).item() == pytest.approx(expected)


def test_divergence_is_bounded_and_zero_for_equals() -> None:
    sure = tensor([[60.0, -60.0]], dtype=D)
    assert divergence_loss(sure, sure).item() == pytest.approx(0.0, abs=1e-15)
    assert divergence_loss(sure, -sure).item() == pytest.approx(math.log(2))


def test_consensus_takes_the_majority_and_the_surer_one_among_equals() -> None:
    # Three variants, two entries; answers of entry 0: a a b, of entry 1: a b c.
    logits = torch.stack(
        [
            logits_of([0.6, 0.3, 0.1], [0.5, 0.3, 0.2]),
            logits_of([0.7, 0.2, 0.1], [0.1, 0.8, 0.1]),
            logits_of([0.1, 0.8, 0.1], [0.2, 0.1, 0.7]),
        ]
    )
    found = find_consensus(logits, strict=True)
    assert found.answer.tolist() == [0, 1]
    assert found.decided.tolist() == [True, False]
    assert found.majority.tolist() == [[True, False], [True, True], [False, False]]
    assert find_consensus(logits, strict=False).decided.tolist() == [True, True]
    expected = -(math.log(0.6) + math.log(0.7) + math.log(0.1)) / 3 / 2
    assert majority_loss(logits, strict=True).item() == pytest.approx(expected, abs=1e-15)
    more = expected - (math.log(0.3) + math.log(0.8) + math.log(0.1)) / 3 / 2
    assert majority_loss(logits, strict=False).item() == pytest.approx(more, abs=1e-15)


def test_two_wordings_that_differ_are_undecided_when_strict() -> None:
    logits = torch.stack([logits_of([0.9, 0.1]), logits_of([0.4, 0.6])])
    assert majority_loss(logits, strict=True).item() == 0.0
    assert find_consensus(logits, strict=False).answer.tolist() == [0]


def test_alignment_draws_the_others_to_the_surest_of_the_majority() -> None:
    # Answers a (0.6), a (0.8), b (0.9): the average of the majority is 0.7, variant 1 is sure.
    logits = torch.stack([logits_of([0.6, 0.4]), logits_of([0.8, 0.2]), logits_of([0.1, 0.9])])
    states = tensor([[[1.0, 0.0]], [[0.0, 2.0]], [[3.0, 4.0]]], dtype=D, requires_grad=True)
    # cos(w0, w1) = 0, cos(w2, w1) = 4/5
    loss = alignment_loss(states, logits, strict=True)
    assert loss.item() == pytest.approx((1 + 0.2) / 2, abs=1e-15)
    loss.backward()
    assert states.grad is not None
    assert states.grad[1].abs().max() == 0  # the teacher is not drawn
    assert states.grad[0].abs().max() > 0


def test_alignment_without_students_is_zero() -> None:
    logits = torch.stack([logits_of([0.6, 0.4]), logits_of([0.6, 0.4])])
    states = torch.randn(2, 1, 3, dtype=D)
    assert alignment_loss(states, logits, strict=True).item() == 0.0


def test_the_risk_of_a_text_is_the_mean_over_its_own_tokens() -> None:
    # Two pairs; the texts have 2, 1, 1 and 2 tokens. The first position is no response token.
    outputs = Outputs(
        states=torch.zeros(4, 1),
        logits=logits_of(*([p, 1 - p] for p in (0.5, 0.5, 0.25, 0.2, 0.1, 0.4, 0.8))),
        targets=torch.zeros(7, dtype=torch.long),
        rows=tensor([0, 0, 0, 1, 2, 3, 3]),
        in_response=tensor([False, True, True, True, True, True, True]),
    )
    expected = [
        [-(math.log(0.5) + math.log(0.25)) / 2, -math.log(0.2)],
        [-math.log(0.1), -(math.log(0.4) + math.log(0.8)) / 2],
    ]
    found = text_risks(outputs)
    assert found.flatten().tolist() == pytest.approx([x for row in expected for x in row])


def test_variance_of_risk_by_hand() -> None:
    # Rows with risks (1, 3) and (2, 2) over two instructions: variances 1 and 0.
    risks = tensor([[1.0, 2.0], [3.0, 2.0]], dtype=D, requires_grad=True)
    found = variance_loss(risks)
    assert found.item() == 0.5
    found.backward()
    # d/dr_e of the mean of two variances: (r_e - mean) / 2 for two instructions.
    assert risks.grad is not None
    assert risks.grad.tolist() == [[-0.5, 0.0], [0.5, 0.0]]
    three = tensor([[0.0], [3.0], [6.0]], dtype=D)
    assert variance_loss(three).item() == pytest.approx((9 + 0 + 9) / 3)


def test_the_variance_of_mean_risks_is_never_larger_than_the_mean_variance() -> None:
    torch.manual_seed(0)
    for _ in range(20):
        risks = torch.rand(4, 6, dtype=D)
        of_means = risks.mean(1).var(unbiased=False)
        assert of_means.item() <= variance_loss(risks).item() + 1e-15


def test_worst_risk_by_hand() -> None:
    risks = tensor([[1.0, 2.5], [3.0, 2.0]], dtype=D, requires_grad=True)
    found = worst_loss(risks)
    assert found.item() == (3.0 + 2.5) / 2
    found.backward()
    # All of the gradient goes to the worse instruction of each row.
    assert risks.grad is not None
    assert risks.grad.tolist() == [[0.0, 0.5], [0.5, 0.0]]


def test_terms_over_instructions_of_parts_add_up() -> None:
    risks = torch.rand(2, 6, dtype=D)
    for loss in (variance_loss, worst_loss):
        parts = loss(risks[:, :1], entries=6) + loss(risks[:, 1:], entries=6)
        assert parts.item() == pytest.approx(loss(risks).item(), abs=1e-15)


def test_objectives_are_sums_of_terms() -> None:
    assert parse_objective("coin") == {"generation": 1.0, "contrast": 1.0}
    assert parse_objective("coin,consistency=0.5") == {
        "generation": 1.0,
        "contrast": 1.0,
        "divergence": 0.5,
    }
    assert parse_objective("im, contrast=0.1") == {"modelling": 1.0, "contrast": 0.1}
    assert parse_objective("vrex,variance=4") == {"generation": 1.0, "variance": 4.0}
    assert parse_objective("worst") == {"worst": 1.0}
    assert parse_objective("consensus") == {"majority": 1.0, "alignment": 1.0}


def test_objectives_complain() -> None:
    with pytest.raises(UnknownNameError, match="coin"):
        parse_objective("coim")
    for text in ("coin=x", "coin=-1", "coin=nan", "coin=inf"):
        with pytest.raises(UsageError, match="above 0"):
            parse_objective(text)
    with pytest.raises(UsageError, match="empty"):
        parse_objective(" , ")
