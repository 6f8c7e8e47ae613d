"""Tokenizers of both kinds: text to tokens and back, and chat prompts."""

from __future__ import annotations

import copy

import pytest
from tokenizers import pre_tokenizers, processors

from harness.core.errors import UsageError
from harness.models.loading.tokenizer import HFTokenizer
from harness.prompting.prompts import Prompter
from harness.prompting.requests import RequestBuilder
from tests.support.tiny_models import (
    BOS_ID,
    CHAT_TEMPLATE,
    CORPUS,
    END_ID,
    TOKENIZERS,
    make_tokenizer,
)

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


# What tokenizers put around every text.

AROUND = {
    "an end": ("$A </s>", []),
    "a beginning": ("<s> $A", [BOS_ID]),
    "both": ("<s> $A </s>", [BOS_ID]),
    "two ends": ("<s> $A <|end|> </s>", [BOS_ID]),
    "as BERT": ("<|user|> $A <|system|>", [3]),
    "the same at both ends": ("</s> $A </s>", [END_ID]),
}


def wrapping(kind: str, template: str) -> HFTokenizer:
    raw = copy.deepcopy(make_tokenizer(kind))
    names = {name for name in template.split() if name != "$A"}
    raw.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template,
        pair=f"{template} $B:1",
        special_tokens=[(name, raw.convert_tokens_to_ids(name)) for name in sorted(names)],
    )
    return HFTokenizer(raw)


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("around", AROUND)
def test_only_what_stands_before_a_text_is_added(kind: str, around: str) -> None:
    template, before = AROUND[around]
    tokenizer = wrapping(kind, template)
    texts = ["Sentiment: positive", "", "xyz </s>", "</s>"]
    plain = tokenizer.encode(texts, special=False)
    assert tokenizer.encode(texts, special=True) == [before + ids for ids in plain]


def test_an_end_that_the_text_has_itself_stays() -> None:
    tokenizer = wrapping("bytes", "<s> $A </s>")
    (ids,) = tokenizer.encode(["a</s>"], special=True)
    assert ids[-1] == END_ID


def test_a_label_is_scored_without_the_end_that_a_tokenizer_appends() -> None:
    prompter = Prompter("plain", "Sentiment:", {"pos": "positive", "neg": "negative"})
    built = [
        RequestBuilder(prompter, tokenizer, ("pos", "neg"))
        for tokenizer in (wrapping("bytes", "<s> $A </s>"), wrapping("bytes", "<s> $A"))
    ]
    prompts = [prompter.ask("Is it good?", "A warm film.")]
    assert built[0].build(prompts) == built[1].build(prompts)
    assert built[0].contexts(prompts) == built[1].contexts(prompts)


def test_a_chat_prompt_that_begins_with_its_own_token_has_it_once() -> None:
    raw = copy.deepcopy(make_tokenizer("metaspace"))  # which begins texts with a BOS by itself
    raw.chat_template = "{{ bos_token }}" + CHAT_TEMPLATE
    tokenizer = HFTokenizer(raw)
    prompter = Prompter(
        "chat", "Sentiment:", {"pos": "positive"}, render_chat=tokenizer.render_chat
    )
    prompts = [prompter.ask("Is it good?", "A warm film.")]
    (request,) = RequestBuilder(prompter, tokenizer, ("pos",)).build(prompts)
    assert request.context.count(BOS_ID) == 1
    assert request.context[0] == BOS_ID


def test_a_space_that_is_put_before_the_text_alone_is_not_put_before_a_label() -> None:
    raw = copy.deepcopy(make_tokenizer("metaspace"))
    raw.backend_tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer = HFTokenizer(raw)
    prompter = Prompter("plain", "Sentiment:", {"pos": "positive"})
    prompt = prompter.ask("Is it good?", "A warm film.")
    (request,) = RequestBuilder(prompter, tokenizer, ("pos",)).build([prompt])
    (whole,) = tokenizer.encode([f"{prompt.text} positive"], special=True)
    assert [*request.context, *request.continuations["pos"]] == whole
    assert tokenizer.decode(request.continuations["pos"]).strip() == "positive"


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
