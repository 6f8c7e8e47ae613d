"""Tokens put together to words, whatever the tokenizer; and where in a prompt the words stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from harness.explanation.words import Region, find_words
from harness.models.loading.token_spans import find_spans
from harness.models.loading.tokenizer import HFTokenizer
from tests.support.tiny_models import CORPUS, make_tokenizer

TEXT = "Décide: ist it 'good' (or bad).\n\nReview:  warm film 👍 好的 that's it"
WORDS = [
    "Décide", ":", "ist", "it", "'", "good", "'", "(", "or", "bad", ")", ".", "\n\n", "Review", ":",
    "warm", "film", "👍", "好", "的", "that's", "it",
]  # fmt: skip


def _trained(tokenizer: Tokenizer, **more: Any) -> Any:
    names = ["<unk>", "<bos>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=names, show_progress=False, **more)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", unk_token="<unk>")


def gemma() -> Any:
    """As Gemma's: spaces become a mark, nothing is put before the text, bytes for the unknown."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(?=▁)"), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    return _trained(tokenizer)


def qwen() -> Any:
    """As Qwen's: bytes after a split that keeps a space with its word and a digit alone."""
    pattern = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return _trained(tokenizer, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: make_tokenizer("bytes"),
    "llama": lambda: make_tokenizer("metaspace"),
    "gemma": gemma,
    "qwen": qwen,
}


@pytest.mark.parametrize("kind", list(TOKENIZERS))
def test_every_token_is_in_one_word_and_words_are_the_text(kind: str) -> None:
    tokenizer = HFTokenizer(TOKENIZERS[kind]())
    ids = tokenizer.encode([TEXT], special=True)[0]
    spans = tokenizer.spans(TEXT, special=True)
    assert len(spans) == len(ids)
    found = find_words(TEXT, spans, [Region(0, len(TEXT), "instruction")], tokenizer.names(ids))
    assert len(found.of_token) == len(ids)
    assert set(found.of_token) == set(range(len(found.words)))
    words = [word for word in found.words if word.part != "special"]
    shown = " ".join(word.text for word in words)
    if kind in ("llama", "gemma"):
        # Their tokens reach over the mark behind a word, which the word then holds.
        shown = shown.replace("Review:", "Review :")
    assert shown.split(" ") == WORDS
    for word in words:
        if word.part == "instruction":
            assert TEXT[word.offset :].startswith(word.text)
    assert [word.text for word in found.words if word.part == "special"] == (
        ["<s>"] if kind == "llama" else []
    )


def test_a_mark_that_shares_a_token_belongs_to_the_word_of_the_token() -> None:
    text = "Say (it)."
    found = find_words(text, [(0, 3), (3, 5), (5, 9)], [Region(0, 9, "instruction")])
    assert [word.text for word in found.words] == ["Say", "(", "it)."]


def test_words_know_their_part_and_where_they_begin_in_it() -> None:
    text = "<s>Say it.\nInput: x\nSay it.\nAnswer:"
    regions = [Region(3, 10, "instruction"), Region(11, 19, "input"), Region(20, 27, "instruction")]
    tokens = [(at, at + 1) for at in range(len(text))]
    found = find_words(text, tokens, regions)
    told = [(word.text, word.part, word.offset, word.copy) for word in found.words]
    assert ("it", "instruction", 4, 0) in told
    assert ("it", "instruction", 4, 1) in told
    assert ("x", "input", 7, 0) in told
    assert {part for text, part, *_ in told if text in ("s", "Answer", "\n")} == {"layout"}


def test_a_tokenizer_that_does_not_say_where_its_tokens_stand_is_searched() -> None:
    class Slow:
        is_fast = False

        def decode(self, ids: list[int]) -> str:
            return {0: "<s>", 1: "Say", 2: "it", 3: "."}[ids[0]]

    spans = find_spans(Slow(), "Say it.", [0, 1, 2, 3], special=True)  # type: ignore[arg-type]
    assert spans == [None, (0, 3), (4, 6), (6, 7)]
