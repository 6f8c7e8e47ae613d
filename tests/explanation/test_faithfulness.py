"""Whether an explanation holds: deletion, integrated gradients, shuffled weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from harness.explanation import checks
from harness.explanation.ask import Question
from harness.explanation.checks import check_cell, integrated_gradients
from harness.explanation.choose import Pair
from harness.explanation.faithfulness import measure_faithfulness
from harness.explanation.gradients import embeddings_of
from harness.explanation.shuffled import shuffled_weights
from harness.explanation.values import PairValues
from harness.explanation.words import PromptWord, PromptWords
from harness.results.explanation import Faithfulness
from harness.results.quantity import Quantity
from tests.support.tiny_models import VOCABULARY, make_model

DRAWN = np.random.default_rng(5).integers(8, VOCABULARY, 12).tolist()
OF_TOKEN = (0, 1, 1, 2, 3, 3, 4, 5, 6, 6)


@pytest.fixture(scope="module")
def exact() -> Any:
    return make_model("gpt2").double().requires_grad_(False)


@pytest.fixture(scope="module")
def question() -> Question:
    """Six words of an instruction and a break of lines at the end."""
    words = [PromptWord(f"w{n}", "instruction", n) for n in range(6)]
    return Question(
        tuple(DRAWN[:10]),
        tuple(DRAWN[10:]),
        "answer",
        PromptWords((*words, PromptWord("\n", "layout", -1)), OF_TOKEN),
    )


def logp(model: Any, context: list[int], answer: tuple[int, ...]) -> float:
    logits = model(input_ids=torch.tensor([[*context, *answer[:-1]]]), use_cache=False).logits[0]
    picked = logits[-len(answer) :].log_softmax(-1)
    return float(sum(picked[m, token] for m, token in enumerate(answer)))


def test_deletion_is_what_a_prompt_without_the_word_says(exact: Any, question: Question) -> None:
    found = checks._deletion_losses(exact, question, [1, 3])
    whole = logp(exact, DRAWN[:10], question.answer)
    for place, loss in zip((1, 3), found, strict=True):
        rest = [token for token, word in zip(DRAWN[:10], OF_TOKEN, strict=True) if word != place]
        assert loss == pytest.approx(whole - logp(exact, rest, question.answer), abs=1e-9)


def test_integrated_gradients_are_complete(exact: Any, question: Question) -> None:
    pytest.importorskip("captum")
    one = Question(question.context, question.answer[:1], "answer", question.words)
    found = integrated_gradients(exact, one, steps=200).sum()
    whole = np.exp(logp(exact, DRAWN[:10], one.answer))
    with embeddings_of(exact, torch.zeros_like):
        nothing = np.exp(logp(exact, DRAWN[:10], one.answer))
    assert found == pytest.approx(whole - nothing, rel=1e-3)


def test_shuffled_weights_say_something_else_and_come_back(exact: Any) -> None:
    before = {name: one.clone() for name, one in exact.state_dict().items()}
    whole = logp(exact, DRAWN[:10], tuple(DRAWN[10:]))
    with pytest.raises(KeyboardInterrupt), shuffled_weights(exact, 1):
        assert abs(logp(exact, DRAWN[:10], tuple(DRAWN[10:])) - whole) > 0.1
        assert torch.equal(exact.get_input_embeddings().weight, before["transformer.wte.weight"])
        raise KeyboardInterrupt
    assert all(torch.equal(one, before[name]) for name, one in exact.state_dict().items())


def test_one_cell(exact: Any, question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_cell(exact, question)
    assert found is not None
    assert {"top", "others", "deletion", "shuffled"} <= set(found)
    losses = np.abs(checks._deletion_losses(exact, question, range(6)))
    top = int(np.flatnonzero(losses == found["top"])[0])
    assert found["others"] == pytest.approx(np.delete(losses, top).mean())
    monkeypatch.setattr(checks, "_has_captum", lambda: False)
    assert "integrated" not in (check_cell(exact, question) or {})
    few = (PromptWord("a", "input", 0), PromptWord("b", "input", 2))
    short = PromptWords(few, (0,) * 5 + (1,) * 5)
    assert check_cell(exact, Question(question.context, question.answer, "a", short)) is None


def pairs(count: int) -> list[PairValues]:
    return [
        PairValues(Pair("t", f"e{n % 8}", f"v{n // 8}", "c"), f"i{n // 8}", {}, {}, 0.0, False)
        for n in range(count)
    ]


def checked(held: list[PairValues], top: float, shuffled: float = 0.1) -> Mapping[Any, Any]:
    rng = np.random.default_rng(0)
    return {
        (one.pair.variant_id, one.pair.example_id): {
            "top": top * rng.uniform(0.9, 1.1), "others": rng.uniform(0.9, 1.1),
            "shuffled": shuffled, "deletion": 0.5,
        }
        for one in held
    }  # fmt: skip


@pytest.mark.parametrize(
    ("top", "shuffled", "passes"), [(3.0, 0.1, True), (1.0, 0.1, False), (3.0, 0.8, False)]
)
def test_an_explanation_passes_or_fails(top: float, shuffled: float, passes: bool) -> None:
    held = pairs(32)
    found = measure_faithfulness(held, checked(held, top, shuffled), 0.95)
    assert found is not None
    assert found.ratio is not None
    assert found.ratio.value == pytest.approx(top, rel=0.05)
    assert found.is_passed is passes
    assert found.integrated is None
    assert found.deletion is not None
    assert found.deletion.value == 0.5


def test_what_was_not_checked_has_no_faithfulness() -> None:
    assert measure_faithfulness(pairs(4), {}, 0.95) is None
    assert not Faithfulness(1, Quantity(5.0, None), None, None, None).is_passed
