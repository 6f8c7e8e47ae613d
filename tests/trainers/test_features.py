"""Features and collator: the tokens of an evaluation, nothing cut, either padding side."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import cast

import pytest

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.models.loading.tokenizer import HFTokenizer
from harness.prompting.prompts import Prompter, PromptFormat
from harness.prompting.requests import RequestBuilder
from tests.support.trainers_tiny import tiny_pairs, tiny_tokenizer
from trainers.collator import PairCollator
from trainers.features import EncodedPair, EncodedText, PairEncoder, drop_overlong


@pytest.mark.parametrize("layout", ["plain", "coin", "chat"])
def test_training_sees_the_tokens_that_an_evaluation_scores(layout: PromptFormat) -> None:
    raw = tiny_tokenizer(chat=True)
    tokenizer = HFTokenizer(raw)
    pair = tiny_pairs(1)[0]
    encoded = PairEncoder(raw, layout, end_token=False).encode([pair])[0]
    prompter = Prompter(
        layout, pair.answer_cue, {"yes": "yes", "no": "no"}, (), tokenizer.render_chat
    )
    for text, asked in ((encoded.original, pair.original), (encoded.paraphrase, pair.paraphrase)):
        prompt = prompter.ask(asked, pair.input)
        request = RequestBuilder(prompter, tokenizer, ("yes", "no")).build([prompt])[0]
        assert text.ids[: text.prompt] == request.context
        assert text.ids[text.prompt :] == request.continuations["yes"]


NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize(
    ("layout", "prompt"),
    [
        ("plain", "Be kind.\n\n{input}\n{asked}\nAnswer: It is"),
        ("coin", "Be kind.\n{input}\n{asked}\n\n### Response: It is"),
        (
            "chat",
            "<|start|>system\nBe kind.<|end|>\n<|start|>user\n{input}\n{asked}<|end|>\n"
            "<|start|>assistant\nAnswer: It is",
        ),
        (
            "without a role",
            "<|start|>user\nBe kind.\n\n{input}\n{asked}<|end|>\n<|start|>assistant\nAnswer: It is",
        ),
    ],
)
def test_a_pair_is_laid_out_as_its_task(layout: str, prompt: str) -> None:
    raw = tiny_tokenizer(chat=True)
    if layout == "without a role":
        raw, layout = copy.deepcopy(raw), "chat"
        raw.chat_template = NO_SYSTEM
    pair = replace(tiny_pairs(1)[0], system="Be kind.", prefill="It is", placement="last", gap="\n")
    encoder = PairEncoder(raw, cast(PromptFormat, layout), end_token=False, content=True)
    text = encoder.encode([pair])[0].original
    shown = str(raw.decode(list(text.ids[: text.prompt])))
    assert shown == prompt.format(input=pair.input, asked=pair.original)
    assert raw.decode(list(text.ids[text.prompt :])) == " yes"
    content = str(raw.decode([text.ids[position] for position in text.content]))
    assert content.replace("\n", "") == pair.input + pair.original


def test_an_answer_that_begins_with_its_prefill_is_learnt_from_there_on() -> None:
    raw = tiny_tokenizer()
    pair = replace(tiny_pairs(1)[0], target='{"nice": true}', prefill='{"')
    text = PairEncoder(raw, "plain", end_token=False).encode([pair])[0].original
    assert str(raw.decode(list(text.ids))).endswith('Answer: {"nice": true}')
    encoder = PairEncoder(raw, "plain", end_token=False, architecture="encoder-decoder")
    with pytest.raises(UsageError, match=r"the pairs have a prefill, and an encoder-decoder"):
        encoder.encode([pair])


def test_end_token_follows_the_target_as_the_layout_ends_an_answer() -> None:
    raw = tiny_tokenizer(chat=True)
    pair = tiny_pairs(1)[0]
    ends = {
        layout: PairEncoder(raw, layout, end_token=True).encode([pair])[0].original.ids[-1]
        for layout in ("plain", "coin", "chat")
    }
    eos, end = raw.eos_token_id, raw.convert_tokens_to_ids("<|end|>")
    assert ends == {"plain": eos, "coin": eos, "chat": end}


def test_an_empty_input_leaves_no_gap() -> None:
    raw = tiny_tokenizer()
    pair = replace(tiny_pairs(1)[0], input="", answer_cue="")
    prompts: dict[PromptFormat, str] = {
        "plain": f"{pair.original}\n\n",
        "coin": f"{pair.original}\n\n### Response:",
    }
    for layout, expected in prompts.items():
        text = PairEncoder(raw, layout, end_token=False).encode([pair])[0].original
        assert raw.decode(list(text.ids[: text.prompt])) == expected


@pytest.mark.parametrize("layout", ["plain", "coin", "chat"])
def test_content_is_instruction_and_input_without_the_layout(layout: PromptFormat) -> None:
    raw = tiny_tokenizer(chat=True)
    pair = tiny_pairs(1)[0]
    encoder = PairEncoder(raw, layout, end_token=True, content=True)
    text = encoder.encode([pair])[0].original
    shown = str(raw.decode([text.ids[position] for position in text.content]))
    whole = f"{pair.original}{pair.input}"
    # The first token has no prediction, so it is left out where nothing stands before it.
    missing = "" if layout == "chat" else "Is"
    assert missing + shown.replace("\n", "") == whole


def test_overlong_pairs_are_counted_and_never_cut() -> None:
    pairs = PairEncoder(tiny_tokenizer(), "plain", end_token=True).encode(tiny_pairs(6))
    long = replace(pairs[0], original=EncodedText(tuple(range(90)), 20))
    with pytest.raises(UsageError, match=r"1 of 7 pairs are longer than 80 tokens.*has 90.*of 0"):
        drop_overlong([*pairs, long], max_length=80, overlong="error")
    with pytest.raises(UsageError, match=r"of 1 the target alone"):
        drop_overlong([*pairs, long], max_length=65, overlong="error")
    assert drop_overlong([*pairs, long], max_length=80, overlong="drop") == pairs
    with pytest.raises(NothingToEvaluateError, match="--max-length 90"):
        drop_overlong([long], max_length=80, overlong="drop")


def text(*ids: int, prompt: int) -> EncodedText:
    return EncodedText(ids, prompt, content=(1,))


def pair_of(original: EncodedText, paraphrase: EncodedText) -> EncodedPair:
    return EncodedPair(original, paraphrase, "t", "i", "x")


def test_collator_puts_originals_before_paraphrases() -> None:
    one = pair_of(text(5, 6, 7, prompt=2), text(8, 9, prompt=1))
    two = pair_of(text(3, 4, prompt=1), text(1, 2, 3, 4, prompt=2))
    batch = PairCollator(pad_id=0, micro=2, side="left", sort=False)([(4, one), (9, two)])
    assert batch["pairs"].tolist() == [4, 9]
    micro = batch["micro"][0]
    assert micro["input_ids"].tolist() == [[0, 5, 6, 7], [0, 0, 3, 4], [0, 0, 8, 9], [1, 2, 3, 4]]
    assert micro["attention_mask"].tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [1] * 4]
    assert micro["position_ids"].tolist() == [
        [0, 0, 1, 2],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
        [0, 1, 2, 3],
    ]
    assert micro["response"].int().tolist() == [
        [0, 0, 0, 1],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
        [0, 0, 1, 1],
    ]
    assert micro["prompt"].int().tolist() == [
        [0, 1, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [1, 1, 0, 0],
    ]
    assert micro["content"].int().tolist() == [
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
        [0, 1, 0, 0],
    ]


def test_collator_pads_right_and_to_a_multiple() -> None:
    one = pair_of(text(5, 6, 7, prompt=2), text(8, 9, prompt=1))
    micro = PairCollator(pad_id=0, micro=1, side="right", multiple_of=4)([(0, one)])["micro"][0]
    assert micro["input_ids"].tolist() == [[5, 6, 7, 0], [8, 9, 0, 0]]
    assert micro["response"].int().tolist() == [[0, 0, 1, 0], [0, 1, 0, 0]]


def test_collator_parts_by_length_and_keeps_the_indices() -> None:
    short = pair_of(text(1, 2, prompt=1), text(1, 2, prompt=1))
    long = pair_of(text(*range(9), prompt=4), text(1, 2, prompt=1))
    collate = PairCollator(pad_id=0, micro=2)
    batch = collate([(0, short), (1, long), (2, short), (3, long)])
    assert batch["pairs"].tolist() == [1, 3, 0, 2]
    assert [micro["input_ids"].shape[1] for micro in batch["micro"]] == [9, 2]
