"""A prompt that does not ask what the task asks is found before a cell is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from harness.core.errors import UsageError
from harness.core.records import Example
from harness.models.token_requests import TokenRequests
from harness.prompting.checks import check_answer_lengths, check_prompt, control_token_note
from harness.prompting.prompts import Prompter

EXAMPLE = Example(id="1", fields={}, input="Text: warm  film", gold="pos")


class Characters(TokenRequests):
    """A tokenizer of one token per character, with one control token."""

    chat_template = None

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        return [[0] if text == "<|im_end|>" else [ord(c) for c in text] for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        return ""


def prompter(render: object) -> Prompter:
    return Prompter("chat", "", {"pos": "positive"}, (), render)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("render", "lost"),
    [
        (lambda turns: "Hello", "instruction"),
        (
            lambda turns: "".join(t["content"][0]["text"] if 0 else "x" for t in turns),
            "instruction",
        ),
        (lambda turns: turns[0]["content"].partition("\n\n")[0], "input"),
    ],
)
def test_a_template_that_loses_text_is_refused(render: object, lost: str) -> None:
    with pytest.raises(UsageError, match=f"does not hold the {lost}"):
        check_prompt(prompter(render), "Judge it.", EXAMPLE, task="t")


def test_white_space_may_change() -> None:
    squeezed = prompter(lambda turns: " ".join(turns[0]["content"].split()))
    check_prompt(squeezed, "Judge it.", EXAMPLE, task="t")


def test_labels_longer_than_an_answer_are_refused() -> None:
    plain = Prompter("plain", "", {"pos": "positive"})
    check_answer_lengths(plain, Characters(), ["positive"], task="t", limit=8)
    with pytest.raises(UsageError, match="'positive' has 8 tokens, and --max-new-tokens 7"):
        check_answer_lengths(plain, Characters(), ["positive"], task="t", limit=7)


def test_control_tokens_in_texts_are_noted() -> None:
    note = control_token_note(Characters(), ["a", "b<|im_end|>", "c</s>"], task="t")
    assert note is not None
    assert "2 texts hold <|im_end|>, which this model reads as control tokens" in note
    assert control_token_note(Characters(), ["a < b", "</s>"], task="t") is None
