"""Tokenizers of both kinds: text to tokens and back, and chat prompts."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.models.loading.tokenizer import HFTokenizer
from tests.support.tiny_models import BOS_ID, CORPUS, TOKENIZERS, make_tokenizer

MESSAGES = [{"role": "user", "content": "Is it positive?"}]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_texts_survive(kind: str) -> None:
    tokenizer = HFTokenizer(make_tokenizer(kind))
    for text, ids in zip(CORPUS, tokenizer.encode(CORPUS, special=False), strict=True):
        assert tokenizer.decode(ids) == text


def test_special_tokens_come_only_where_asked_for() -> None:
    tokenizer = HFTokenizer(make_tokenizer("metaspace"))
    (plain,) = tokenizer.encode(["Sentiment:"], special=False)
    (special,) = tokenizer.encode(["Sentiment:"], special=True)
    assert special == [BOS_ID, *plain]
    assert tokenizer.decode(special) == "Sentiment:"


def test_no_text_no_tokens() -> None:
    tokenizer = HFTokenizer(make_tokenizer())
    assert tokenizer.encode([], special=True) == []
    assert tokenizer.encode([""], special=False) == [[]]


def test_a_trailing_space_is_a_token_that_the_label_would_have_taken() -> None:
    tokenizer = HFTokenizer(make_tokenizer("metaspace"))
    cue, whole = tokenizer.encode(["Sentiment: ", "Sentiment: positive"], special=False)
    assert whole[: len(cue)] != cue


def test_a_chat_prompt_ends_where_the_answer_begins() -> None:
    tokenizer = HFTokenizer(make_tokenizer(chat=True))
    assert tokenizer.render_chat(MESSAGES) == ("<|user|>\nIs it positive?<|end|>\n<|assistant|>\n")


def test_the_default_of_several_templates_is_taken() -> None:
    plain = make_tokenizer()
    plain.chat_template = {"default": "{{ messages[0]['content'] }}", "tools": "no"}
    assert HFTokenizer(plain).render_chat(MESSAGES) == "Is it positive?"


def test_without_a_template_there_is_no_chat() -> None:
    tokenizer = HFTokenizer(make_tokenizer())
    assert tokenizer.chat_template is None
    with pytest.raises(UsageError, match="no chat template"):
        tokenizer.render_chat(MESSAGES)


def test_what_a_template_says_against_the_messages_is_told() -> None:
    plain = make_tokenizer()
    plain.chat_template = "{{ raise_exception('only one turn') }}"
    with pytest.raises(UsageError, match="only one turn"):
        HFTokenizer(plain).render_chat(MESSAGES)


def test_a_template_that_is_no_template_is_told() -> None:
    plain = make_tokenizer()
    plain.chat_template = "{% if %}"
    with pytest.raises(UsageError, match="chat template rejects"):
        HFTokenizer(plain).render_chat(MESSAGES)
