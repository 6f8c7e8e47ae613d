"""Pooling: each method by hand, and the same result with either padding side."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import tensor

from trainers.choices import Pooling
from trainers.pooling import last_marked, pool

STATES = tensor([[[1.0, 9.0], [3.0, 5.0], [8.0, 1.0]], [[2.0, 2.0], [4.0, 0.0], [0.0, 0.0]]])
MASK = tensor([[True, True, False], [True, True, True]])


def test_last_is_the_last_marked_token() -> None:
    assert last_marked(MASK).tolist() == [1, 2]
    assert pool(STATES, MASK, "last").tolist() == [[3.0, 5.0], [0.0, 0.0]]


def test_mean_and_max_ignore_what_is_not_marked() -> None:
    assert pool(STATES, MASK, "mean").tolist() == [[2.0, 7.0], [2.0, pytest.approx(2 / 3)]]
    assert pool(STATES, MASK, "max").tolist() == [[3.0, 9.0], [4.0, 2.0]]
    negative = -STATES.abs() - 1
    assert pool(negative, MASK, "max")[0].tolist() == [-2.0, -6.0]


def test_first_last_is_the_mean_of_two_layers() -> None:
    first = torch.ones_like(STATES)
    assert pool(STATES, MASK, "first_last", first=first)[0].tolist() == [1.5, 4.0]
    with pytest.raises(ValueError, match="first layer"):
        pool(STATES, MASK, "first_last")


@pytest.mark.parametrize("method", get_args(Pooling))
def test_padding_side_does_not_matter(method: Pooling) -> None:
    torch.manual_seed(0)
    tokens, first = torch.randn(1, 4, 3), torch.randn(1, 4, 3)
    junk = torch.full((1, 2, 3), 1e6)
    real = torch.ones(1, 4, dtype=torch.bool)
    none = torch.zeros(1, 2, dtype=torch.bool)
    right = pool(
        torch.cat([tokens, junk], 1),
        torch.cat([real, none], 1),
        method,
        first=torch.cat([first, junk], 1),
    )
    left = pool(
        torch.cat([junk, tokens], 1),
        torch.cat([none, real], 1),
        method,
        first=torch.cat([junk, first], 1),
    )
    assert torch.allclose(left, right)
    assert torch.allclose(left, pool(tokens, real, method, first=first))


def test_gradient_of_max_and_mean_does_not_touch_padding() -> None:
    states = STATES.clone().requires_grad_()
    (pool(states, MASK, "max").sum() + pool(states, MASK, "mean").sum()).backward()
    assert states.grad is not None
    assert states.grad[0, 2].abs().max() == 0
    assert torch.isfinite(states.grad).all()
