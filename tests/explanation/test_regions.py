"""Where the instruction, the input and the system text stand in a prompt of any layout."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from harness.core.records import Cell, Example, Turn, Variant
from harness.evaluation.engine import TaskTools
from harness.explanation.regions import RegionFinder
from harness.prompting.prompts import Prompter

SHOT = Example("s", {}, "Review: dull", "bad")
PLAIN = Prompter("plain", "Sentiment:", {"bad": "bad"})


def chat(messages: Any) -> str:
    """As many templates: what is said is trimmed."""
    return (
        "".join(f"<|{one['role']}|>{one['content'].strip()}<|end|>" for one in messages) + "<|a|>"
    )


PROMPTERS = {
    "plain": PLAIN,
    "system": replace(PLAIN, system="Be brief."),
    "shots": replace(PLAIN, shots=(SHOT,)),
    "last": replace(PLAIN, placement="last"),
    "both": replace(PLAIN, placement="both"),
    "coin": replace(PLAIN, layout="coin"),
    "chat": replace(PLAIN, layout="chat", render_chat=chat, system="Be brief.", shots=(SHOT,)),
    "no role": replace(PLAIN, layout="chat", render_chat=chat, system="Be.", has_system_role=False),
}


def cell(text: str = "Say good or bad.", **more: Any) -> Cell:
    variant = Variant("v", "t", "word", "p", "i", 0, 0, text=text, original=text, **more)
    return Cell(variant, Example("1", {}, "Review: fine", "good"))


def found(prompter: Prompter, one: Cell) -> dict[str, list[str]]:
    tools = TaskTools(prompter, None, None, instructions=MappingProxyType({"i": "Clean."}))  # type: ignore[arg-type]
    prompt = tools.prompts_of([one])[0].text
    texts: dict[str, list[str]] = {}
    for region in RegionFinder(tools).find(one, prompt):
        texts.setdefault(region.part, []).append(prompt[region.start : region.end])
    return texts


@pytest.mark.parametrize("kind", list(PROMPTERS))
def test_parts_are_found_in_every_layout(kind: str) -> None:
    prompter = PROMPTERS[kind]
    told = found(prompter, cell())
    times = 2 if kind == "both" else 1
    assert told["instruction"] == ["Say good or bad."] * times
    assert told["input"] == ["Review: fine"]
    assert told.get("system", []) == ([prompter.system] if prompter.system else [])


def test_a_template_that_trims_is_understood() -> None:
    prompter = replace(PROMPTERS["chat"], shots=(), system="")
    assert found(prompter, cell("Say it. "))["instruction"] == ["Say it. "]
    one = cell()
    padded = replace(one, example=replace(one.example, input="Review: fine  "))
    assert found(prompter, padded)["input"] == ["Review: fine"]


def test_the_system_text_of_a_variant_that_changes_it() -> None:
    told = found(PROMPTERS["system"], cell("B3 brief.", target="system"))
    assert (told["system"], told["instruction"]) == (["B3 brief."], ["Clean."])


def test_a_conversation_is_input_turn_by_turn() -> None:
    one = cell()
    turns = (Turn("user", "Hello"), Turn("assistant", "Yes?"), Turn("user", "Fine."))
    talked = replace(one, example=replace(one.example, turns=turns))
    told = found(replace(PROMPTERS["chat"], shots=()), talked)
    assert told["input"] == ["Hello", "Yes?", "Fine."]
    assert told["instruction"] == ["Say good or bad."]


def test_an_instruction_that_holds_the_input_stands_alone() -> None:
    one = cell()
    told = found(PLAIN, replace(one, example=replace(one.example, input="")))
    assert told == {"instruction": ["Say good or bad."]}


def test_a_prompt_that_is_not_understood_has_no_parts() -> None:
    shouting = replace(PLAIN, layout="chat", render_chat=lambda messages: chat(messages).upper())
    assert found(shouting, cell()) == {}
