"""What a model offers, and the requests that it makes of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from harness.core.cache import response_key
from harness.core.records import Request, Turn
from harness.models.contract import HERE, Asked, Offer
from harness.models.token_requests import TokenRequests


class Letters(TokenRequests):
    """One token per letter, and one before each text that asks for it."""

    chat_template: str | None = None

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        return [[0] * special + [ord(letter) for letter in text] for text in texts]

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        raise AssertionError("this stand-in is not asked for that")


def test_requests_keep_their_order_where_some_have_special_tokens() -> None:
    asked = [Asked("ab", {"x": "c"}), Asked("d", special=False), Asked("e", {"x": "f", "y": "gh"})]
    assert Letters().requests(asked) == [
        Request((0, 97, 98), {"x": (99,)}),
        Request((100,)),
        Request((0, 101), {"x": (102,), "y": (103, 104)}),
    ]
    assert Letters().count(["ab", ""]) == [2, 0]
    assert Letters().count(["ab", ""], special=True) == [3, 1]


def test_requests_in_text_have_keys_of_their_own() -> None:
    text = (Turn("", "a"),)
    different = [
        Request(),
        Request(turns=text),
        Request(turns=(Turn("user", "a"),)),
        Request(turns=(Turn("", "a"), Turn("", ""))),
        Request(turns=text, answers={"x": "b"}),
        Request(turns=text, answers={"x": "c"}),
        Request(turns=text, answers={"y": "b"}),
        Request(turns=(Turn("", "ax"),), answers={"": "b"}),
    ]
    assert len({response_key(one, "loglik") for one in different}) == len(different)


@pytest.mark.parametrize(
    ("offer", "plain", "chat"),
    [
        (HERE, True, True),
        (Offer("exact", "echo", "text", "messages"), True, False),
        (Offer("exact", "forced", "tokens", "tokens"), True, True),
        (Offer("top", "none", "text", "text"), False, False),
        (Offer("none", "none", "messages", "messages"), False, False),
    ],
)
def test_likelihoods_need_a_prompt_that_the_harness_lays_out(
    offer: Offer, plain: bool, chat: bool
) -> None:
    assert offer.scores(in_chat=False) is plain
    assert offer.scores(in_chat=True) is chat
