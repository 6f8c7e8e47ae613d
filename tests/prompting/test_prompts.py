"""The three layouts, character by character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import Example
from harness.prompting.prompts import Prompter, resolve_format

WORDS = {"pos": "positive", "neg": "negative"}
SHOT = Example(id="s", fields={}, input="Text: fine", gold="pos")


def render(messages: Sequence[Mapping[str, str]]) -> str:
    turns = "".join(f"<{m['role']}>{m['content']}</>" for m in messages)
    return turns + "<assistant>"


def prompter(
    layout: str, cue: str = "Answer:", shots: tuple[Example, ...] = (), placement: str = "first"
) -> Prompter:
    return Prompter(layout, cue, WORDS, shots, render, placement)  # type: ignore[arg-type]


def test_plain() -> None:
    made = prompter("plain")
    assert made.prompt("Judge.", "Text: bad") == "Judge.\n\nText: bad\nAnswer:"
    assert made.continuation("pos") == " positive"
    assert made.special_tokens


def test_plain_without_a_cue_ends_in_a_line_break() -> None:
    made = prompter("plain", cue="")
    assert made.prompt("Judge.", "Text: bad") == "Judge.\n\nText: bad\n"
    assert made.continuation("pos") == "positive"


def test_plain_with_shots() -> None:
    assert prompter("plain", shots=(SHOT,)).prompt("Judge.", "Text: bad") == (
        "Judge.\n\nText: fine\nAnswer: positive\n\nText: bad\nAnswer:"
    )


def test_coin() -> None:
    made = prompter("coin")
    assert made.prompt("Judge.", "Text: bad") == "Judge.\nText: bad\n\n### Response:"
    assert made.continuation("neg") == " negative"
    assert prompter("coin", shots=(SHOT,)).prompt("Judge.", "Text: bad") == (
        "Judge.\nText: fine\n\n### Response: positive\n\nText: bad\n\n### Response:"
    )


def test_chat() -> None:
    made = prompter("chat")
    assert made.prompt("Judge.", "Text: bad") == ("<user>Judge.\n\nText: bad</><assistant>Answer:")
    assert made.continuation("pos") == " positive"
    assert not made.special_tokens


def test_chat_with_shots_gives_the_instruction_once() -> None:
    assert prompter("chat", shots=(SHOT,)).prompt("Judge.", "Text: bad") == (
        "<user>Judge.\n\nText: fine</><assistant>Answer: positive</>"
        "<user>Text: bad</><assistant>Answer:"
    )


def test_chat_without_a_cue_opens_with_the_label() -> None:
    made = prompter("chat", cue="")
    assert made.prompt("Judge.", "Text: bad") == "<user>Judge.\n\nText: bad</><assistant>"
    assert made.continuation("pos") == "positive"


PLACED = {
    ("plain", "last"): "Text: bad\n\nJudge.\nAnswer:",
    ("plain", "both"): "Judge.\n\nText: bad\n\nJudge.\nAnswer:",
    ("coin", "last"): "Text: bad\nJudge.\n\n### Response:",
    ("coin", "both"): "Judge.\nText: bad\nJudge.\n\n### Response:",
    ("chat", "last"): "<user>Text: bad\n\nJudge.</><assistant>Answer:",
    ("chat", "both"): "<user>Judge.\n\nText: bad\n\nJudge.</><assistant>Answer:",
}
PLACED_WITH_SHOTS = {
    ("plain", "last"): "Text: fine\nAnswer: positive\n\nText: bad\n\nJudge.\nAnswer:",
    ("plain", "both"): ("Judge.\n\nText: fine\nAnswer: positive\n\nText: bad\n\nJudge.\nAnswer:"),
    ("coin", "last"): (
        "Text: fine\n\n### Response: positive\n\nText: bad\nJudge.\n\n### Response:"
    ),
    ("coin", "both"): (
        "Judge.\nText: fine\n\n### Response: positive\n\nText: bad\nJudge.\n\n### Response:"
    ),
    ("chat", "last"): (
        "<user>Text: fine</><assistant>Answer: positive</>"
        "<user>Text: bad\n\nJudge.</><assistant>Answer:"
    ),
    ("chat", "both"): (
        "<user>Judge.\n\nText: fine</><assistant>Answer: positive</>"
        "<user>Text: bad\n\nJudge.</><assistant>Answer:"
    ),
}


@pytest.mark.parametrize(("layout", "placement"), PLACED)
def test_the_instruction_stands_where_it_is_placed(layout: str, placement: str) -> None:
    one = prompter(layout, placement=placement)
    assert one.prompt("Judge.", "Text: bad") == PLACED[layout, placement]
    shown = prompter(layout, shots=(SHOT,), placement=placement)
    assert shown.prompt("Judge.", "Text: bad") == PLACED_WITH_SHOTS[layout, placement]


GAPS = {
    ("plain", "first"): "Judge.\nText: bad\nAnswer:",
    ("plain", "last"): "Text: bad\nJudge.\nAnswer:",
    ("plain", "both"): "Judge.\nText: bad\nJudge.\nAnswer:",
    ("chat", "first"): render([{"role": "user", "content": "Judge.\nText: bad"}]) + "Answer:",
    ("chat", "last"): render([{"role": "user", "content": "Text: bad\nJudge."}]) + "Answer:",
}


@pytest.mark.parametrize(("layout", "placement"), GAPS)
def test_a_gap_stands_in_place_of_the_blank_line(layout: str, placement: str) -> None:
    one = replace(prompter(layout, placement=placement), gap="\n")
    assert one.prompt("Judge.", "Text: bad") == GAPS[layout, placement]


def test_a_gap_is_none_between_answered_examples() -> None:
    one = replace(prompter("plain", shots=(SHOT,)), gap="\n")
    shown = prompter("plain", shots=(SHOT,)).prompt("Judge.", "Text: bad")
    assert one.prompt("Judge.", "Text: bad") == shown.replace("Judge.\n\n", "Judge.\n")


@pytest.mark.parametrize("layout", ["coin", "chat"])
def test_without_an_input_last_is_first(layout: str) -> None:
    last = prompter(layout, placement="last")
    assert last.prompt("Judge.", "") == prompter(layout).prompt("Judge.", "")


def test_auto_is_chat_where_there_is_a_template() -> None:
    assert resolve_format("auto", has_chat_template=True) == "chat"
    assert resolve_format("auto", has_chat_template=False) == "plain"
    assert resolve_format("coin", has_chat_template=False) == "coin"


def test_formats_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="--prompt-format plain"):
        resolve_format("chat", has_chat_template=False)
    with pytest.raises(UnknownNameError, match="'chat'"):
        resolve_format("chatt", has_chat_template=True)
