"""Budgets shrink when memory runs out, and the work goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.models.inference import prefix
from harness.models.inference.budget import CPU_TOKENS, Budget, choose_budget
from harness.models.inference.packing import Placed
from harness.models.inference.token_tree import Row
from harness.models.loading.pretrained_io import move_to
from tests.support.requests import assert_scores, some_requests, wrap
from tests.support.tiny_models import make_model


def rows(*lengths: int) -> list[Placed]:
    return [Placed(Row((1,) * length, ()), 0, 0) for length in lengths]


Work = Callable[[Sequence[Placed]], list[int]]


def machine_with_room_for(tokens: int, attempts: list[int]) -> Work:
    def work(batch: Sequence[Placed]) -> list[int]:
        attempts.append(sum(placed.length for placed in batch))
        if attempts[-1] > tokens:
            raise torch.OutOfMemoryError("no room")
        return [placed.length for placed in batch]

    return work


def test_after_running_out_of_memory_the_budget_is_halved_and_no_row_is_lost() -> None:
    attempts: list[int] = []
    budget = Budget(tokens=40, logit_rows=100)
    work = machine_with_room_for(12, attempts)
    done = [length for batch in budget.run(rows(*range(1, 9)), work) for length in batch]
    assert sorted(done) == list(range(1, 9))
    assert attempts[0] > 12
    assert budget.tokens <= 12


def test_the_smaller_budget_is_kept_for_the_next_call() -> None:
    budget = Budget(tokens=40, logit_rows=100)
    list(budget.run(rows(*[4] * 10), machine_with_room_for(12, [])))
    attempts: list[int] = []
    list(budget.run(rows(*[4] * 10), machine_with_room_for(12, attempts)))
    assert max(attempts) <= 12


def test_a_single_row_that_does_not_fit_is_a_clear_error() -> None:
    budget = Budget(tokens=40, logit_rows=100)
    with pytest.raises(UsageError, match=r"single prompt of 30 tokens.*--dtype"):
        list(budget.run(rows(30), machine_with_room_for(12, [])))


def test_prefixes_that_do_not_fit_together_are_computed_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed: list[int] = []
    run = prefix._run_prefixes

    def small_machine(
        model: PreTrainedModel, prefixes: Sequence[tuple[int, ...]], root: prefix.Root | None
    ) -> object:
        if len(prefixes) > 1:
            raise torch.OutOfMemoryError("no room")
        computed.append(len(prefixes))
        return run(model, prefixes, root)

    model = wrap("llama", Budget(tokens=1000, logit_rows=100))
    monkeypatch.setattr(prefix, "_run_prefixes", small_machine)
    assert_scores(model, some_requests())
    assert computed == [1, 1, 1]


def test_a_single_prefix_that_does_not_fit_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_machine(model: object, prefixes: object, root: object) -> object:
        raise torch.OutOfMemoryError("no room")

    model = wrap("llama")
    monkeypatch.setattr(prefix, "_run_prefixes", no_machine)
    with pytest.raises(UsageError, match="the 30 tokens that prompts share"):
        list(model.loglik(some_requests()))


def test_weights_that_do_not_fit_are_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(module: object, device: object) -> None:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(torch.nn.Module, "to", no_room)
    with pytest.raises(UsageError, match=r"the weights of the model.*--dtype"):
        move_to(torch.device("cpu"), make_model("llama"))


def test_a_processor_gets_a_small_budget() -> None:
    budget = choose_budget(make_model("llama"))
    assert budget.tokens == CPU_TOKENS
    assert budget.logit_rows > 1000  # the vocabulary is tiny
