"""Generation is transformers' own greedy generation, whatever is shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models.inference.budget import Budget
from harness.models.inference.generate import Ending, cut_before
from harness.models.inference.hf import HFModel
from tests.support.requests import rooted_requests, shared, some_requests, wrap
from tests.support.tiny_models import ARCHITECTURES, END_ID

NEW_TOKENS = 7


def never(_text: str) -> bool:
    return False


def texts(
    model: HFModel,
    requests: list[Request],
    is_done: Callable[[str], bool],
    stop: Sequence[str] = (),
) -> list[str]:
    answers = model.generate(requests, max_new_tokens=NEW_TOKENS, is_done=is_done, stop=stop)
    found = {index: response.text or "" for index, response in answers}
    assert sorted(found) == list(range(len(requests)))
    return [found[index] for index in range(len(requests))]


def reference(model: HFModel, request: Request) -> str:
    prompt = torch.tensor([request.context])
    made = model._model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        pad_token_id=0,
    )[0, len(request.context) :].tolist()
    return model.tokenizer.decode(made[: made.index(END_ID)] if END_ID in made else made)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_texts_are_those_of_transformers(architecture: str) -> None:
    model = shared(architecture)
    requests = some_requests()
    expected = [reference(model, request) for request in requests]
    assert texts(model, requests, never) == expected
    assert len(set(expected)) > 5  # or else this proves little


def test_a_text_ends_as_soon_as_it_is_done() -> None:
    model = shared("llama")
    requests = some_requests()
    for cut, whole in zip(
        texts(model, requests, lambda text: len(text) >= 3),
        texts(model, requests, never),
        strict=True,
    ):
        assert whole.startswith(cut)
        assert len(cut) >= min(3, len(whole))
        assert len(cut) < len(whole) or len(whole) <= 10


def test_the_end_token_ends_a_text_and_is_not_part_of_it() -> None:
    model = wrap("llama")
    requests = some_requests()
    (first,) = {model._model(torch.tensor([requests[0].context])).logits[0, -1].argmax().item()}
    model._end_ids = frozenset({first})
    assert texts(model, requests, never)[0] == ""


def test_batches_of_one_and_of_many_give_the_same() -> None:
    requests = some_requests(3)
    small = texts(wrap("gemma2", Budget(1, 1)), requests, never)
    assert small == texts(wrap("gemma2", Budget(10_000, 10_000)), requests, never)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "gemma3", "mistral"])
@pytest.mark.parametrize("pooled", [1, 150, 100_000])
def test_texts_of_several_batches_are_written_together(architecture: str, pooled: int) -> None:
    requests = some_requests(6)  # prefixes and rows of many lengths in one pool
    alone = [texts(shared(architecture), [one], never)[0] for one in requests]
    budget = Budget(tokens=60, logit_rows=40, pooled=pooled)
    assert texts(wrap(architecture, budget), requests, never) == alone


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3", "mistral"])
def test_texts_after_a_shared_root_are_those_of_transformers(architecture: str) -> None:
    model, requests = shared(architecture), rooted_requests()
    assert texts(model, requests, never) == [reference(model, request) for request in requests]


def test_what_a_pool_pads_with_is_never_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(self: torch.Tensor, *shape: int) -> torch.Tensor:
        return self.new_full(shape, float("nan"))

    requests = some_requests(6)
    alone = texts(shared("llama"), requests, never)
    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned)
    assert texts(wrap("llama", Budget(60, 40, 100_000)), requests, never) == alone


def test_the_fallback_gives_the_same() -> None:
    model = wrap("llama")
    requests = some_requests(4)
    sharing = texts(model, requests, never)
    model._reuse = replace(model._reuse, longest=0)
    assert texts(model, requests, never) == sharing


def test_the_settings_of_a_checkpoint_change_no_text() -> None:
    model, requests = wrap("mamba"), some_requests()  # transformers itself writes its texts
    whole = texts(model, requests, never)
    settings = model._model.generation_config
    settings.suppress_tokens = sorted({token for one in requests for token in one.context})
    settings.forced_eos_token_id, settings.no_repeat_ngram_size = END_ID, 1
    assert texts(model, requests, never) == whole
    assert model._model.generation_config is settings


def test_equal_prompts_are_answered_alike() -> None:
    requests = [some_requests()[0]] * 3
    assert len(set(texts(shared("llama"), requests, never))) == 1


def test_nothing_can_be_generated_beyond_the_context() -> None:
    with pytest.raises(UsageError, match=r"257 tokens.*256"):
        texts(shared("llama"), [Request((5,) * 250)], never)


def test_at_least_one_token_is_generated() -> None:
    with pytest.raises(UsageError, match="at least 1 token"):
        list(shared("llama").generate([Request((5,))], max_new_tokens=0, is_done=never))


@pytest.mark.parametrize("architecture", ["llama", "mamba"])
def test_an_answer_ends_before_a_stop_text(architecture: str) -> None:
    model, requests = shared(architecture), some_requests()
    whole = texts(model, requests, never)
    stop = [whole[0][2:4], whole[1][3:5], "not in any text"]
    expected = [min((text.split(one)[0] for one in stop), key=len) for text in whole]
    assert texts(model, requests, never, stop) == expected != whole


@pytest.mark.parametrize("architecture", ["llama", "gemma3", "mistral", "gpt2", "bloom", "mamba"])
def test_rows_that_leave_change_no_other(architecture: str) -> None:
    model, requests = wrap(architecture, Budget(10_000, 10_000)), some_requests(5)
    whole = texts(model, requests, never)
    # Some rows leave early, others late or never.
    stop = [text[place] for place, text in enumerate(whole[:4], 1) if len(text) > place]
    together = texts(model, requests, never, stop)
    assert len({len(text) for text in together}) > 1
    assert together == [texts(model, [one], never, stop)[0] for one in requests]


def test_a_text_is_cut_before_the_first_of_its_stop_texts() -> None:
    assert cut_before("a b c", ()) == "a b c"
    assert cut_before("a b c", ("c", "b c", "x")) == "a "
    assert cut_before("\nanswer", ("\n",)) == ""
    assert cut_before("a\n\nb", ("\n\n",)) == "a"


def test_when_a_text_is_over() -> None:
    ending = Ending(3, frozenset({2}), lambda ids: "".join(map(str, ids)), lambda t: "7" in t)
    assert ending.text_if_over([5, 6]) is None
    assert ending.text_if_over([5, 2]) == "5"
    assert ending.text_if_over([5, 7]) == "57"
    assert ending.text_if_over([5, 6, 8]) == "568"


def test_a_stop_text_over_several_tokens_ends_an_answer() -> None:
    stopping = Ending(5, frozenset({2}), lambda ids: "".join(map(str, ids)), never, ("67",))
    assert stopping.text_if_over([5, 6]) is None
    assert stopping.text_if_over([5, 6, 7]) == "5"
    assert stopping.text_if_over([5, 6, 2]) == "56"
    assert stopping.text_if_over([5, 6, 8, 9, 6]) == "56896"
