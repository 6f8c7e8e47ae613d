"""Conversations as training data: who says what, and which answers are learnt from them.

An evaluation shows a model one user turn: an instruction, then an input. A conversation is put
into that form. Each assistant turn is a target; the user's text that it answers is the
instruction, the text that is perturbed. A system turn at the beginning is the system text;
everything else that was said before the target is the input, one line per turn with the role in
front.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["system", "user", "assistant", "tool"]

ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
"""A role's name in `role` (OpenAI, Hugging Face) or `from` (ShareGPT) -> what it is here."""

_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})


class FormError(Exception):
    """What does not fit the form of training data; the caller knows the file and the line."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An instruction, the input or the conversation that it is about, and the answer to learn."""

    instruction: str
    input: str
    target: str
    about: str
    """What tells this request from others of the same instruction; of a chat all that was said."""
    system: str = ""
    """What stands before everything."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says."""

    role: Role
    text: str
    learnt: bool = True
    """Of the assistant's turns: whether it is a text to learn, not a tool call or context."""


def read_turns(value: object) -> tuple[Turn, ...]:
    """The turns of a conversation in OpenAI's form (`role`, `content`) or ShareGPT's (`from`,
    `value`).

    Raises:
        FormError: it is not a list of turns, or a turn has an unknown role or is no text.
    """
    if not isinstance(value, list) or not value:
        raise FormError(f"a conversation is a list of turns, not {_show(value)}")
    return tuple(_read_turn(turn, number) for number, turn in enumerate(value, 1))


def split_exchanges(turns: Sequence[Turn], *, answers_from: int = 0) -> Iterator[Exchange]:
    """One exchange per assistant turn to learn, in order.

    Args:
        turns: the conversation.
        answers_from: index of the first turn that may be a target; those before are the prompt.

    Raises:
        FormError: no assistant turn answers a user's.
    """
    asked: int | None = None
    found = 0
    for number, turn in enumerate(turns):
        if turn.role == "user":
            asked = number
        if number < answers_from or not turn.learnt or asked is None or turn.role != "assistant":
            continue
        told = 1 if turns[0].role == "system" else 0
        context = [turns[at] for at in range(told, number) if at != asked]
        about = render_turns(turns[:number])
        system = turns[0].text if told else ""
        yield Exchange(turns[asked].text, render_turns(context), turn.text, about, system)
        found += 1
    if not found:
        raise FormError(
            "no assistant turn answers a user's; the roles are "
            f"{', '.join(turn.role for turn in turns) or 'none'}"
        )


def render_turns(turns: Sequence[Turn]) -> str:
    """The turns that say something, one per line, each with its role in front."""
    return "\n".join(f"{turn.role.capitalize()}: {turn.text}" for turn in turns if turn.text)


def read_content(value: object) -> str:
    """The text of a turn: a string, or a list of text parts, joined by line breaks.

    Raises:
        FormError: anything else, such as an image.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "\n".join(_read_part(part) for part in value).strip()
    raise FormError(f"a turn's content must be a text or a list of text parts, not {_show(value)}")


def _read_turn(turn: object, number: int) -> Turn:
    if not isinstance(turn, Mapping):
        raise FormError(f"turn {number} must be an object with a role and a text: {_show(turn)}")
    name = turn.get("role") or turn.get("from")
    role = ROLES.get(name.strip().lower()) if isinstance(name, str) else None
    if role is None:
        raise FormError(
            f"turn {number} has the role {_show(name)}; expected {', '.join(dict.fromkeys(ROLES))}"
        )
    text = read_content(turn.get("value") if turn.get("content") is None else turn["content"])
    calls = turn.get("tool_calls") or turn.get("function_call")
    if calls:
        text = f"{text} {json.dumps(calls, ensure_ascii=False)}".strip()
    # OpenAI's fine-tuning form: an assistant turn of weight 0 is context only.
    learnt = not calls and name != "function_call" and turn.get("weight") != 0
    return Turn(role, text, learnt)


def _read_part(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping):
        text = part.get("text")
        if part.get("type", "text") in _TEXT_PARTS and isinstance(text, str):
            return text
        raise FormError(f"a content part of type {_show(part.get('type'))} is no text")
    raise FormError(f"a content part must be a text: {_show(part)}")


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"
