"""The usual forms of instruction data, each read into exchanges: a table, the first that fits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from harness.tasks.rows import Row
from trainers.pairs.chats import (
    Exchange,
    FormError,
    Role,
    Turn,
    read_content,
    read_turns,
    render_turns,
    split_exchanges,
)

_OUTPUTS: Final = ("output", "target", "response", "answer")
_CHATS: Final = ("messages", "conversations", "conversation")

EXPECTED: Final = (
    "Expected: instruction, input, output; or instances; or messages or conversations; or "
    "prompt with completion; or chosen."
)


def read_exchanges(row: Row) -> list[Exchange]:
    """What a row of instruction data asks and answers.

    An empty list: the row says itself that its answer is unwanted (`label: false` beside a
    completion).

    Raises:
        FormError: the row is of another form, or a value in it is no text.
    """
    for keys, read in _FORMS:
        if any(row.get(key) is not None for key in keys):
            return [_with_frame(row, exchange) for exchange in read(row)]
    raise FormError(f"not instruction data; it has {', '.join(map(str, row)) or 'no keys'}")


def _read_instruction(row: Row) -> Iterator[Exchange]:
    """`{instruction | definition, input, output}`, or with `instances: [{input, output}]`."""
    instruction = _text(row.get("instruction") or row.get("definition"), "instruction")
    if not instruction:
        raise FormError("the instruction is empty")
    instances = row.get("instances")
    for one in instances if isinstance(instances, list) else [row]:
        if not isinstance(one, Mapping):
            raise FormError("an instance must be an object with input and output")
        key = next((key for key in _OUTPUTS if one.get(key) is not None), None)
        if key is None:
            raise FormError(f"no output: expected one of {', '.join(_OUTPUTS)}")
        given = "\n".join(filter(None, (_history(row), _text(one.get("input"), "input"))))
        yield Exchange(instruction, given, _text(one[key], key), given or instruction)


def _read_chat(row: Row) -> Iterator[Exchange]:
    """`{messages | conversations: [turn, ...]}`."""
    key = next(key for key in _CHATS if row.get(key) is not None)
    return split_exchanges(read_turns(row[key]))


def _read_preference(row: Row) -> Iterator[Exchange]:
    """`{prompt | messages | instruction, chosen, rejected}`: the chosen answer is the target.

    `chosen` may be the whole conversation; what it has in common with `rejected` is its prompt.
    """
    chosen = _turns(row["chosen"], "assistant", "chosen")
    prompt = next((row[key] for key in ("prompt", *_CHATS) if row.get(key) is not None), None)
    if chosen[0].role != "assistant":
        return _read_whole(row, chosen, prompt)
    if prompt is None and row.get("instruction") is not None:
        return _read_instruction({**row, "output": chosen[-1].text})
    if prompt is None:
        raise FormError("'chosen' has no prompt: neither beside it nor as its first turns")
    return _answer(_turns(prompt, "user", "prompt"), chosen)


def _read_whole(row: Row, chosen: tuple[Turn, ...], prompt: object) -> Iterator[Exchange]:
    rejected = row.get("rejected")
    others = read_turns(rejected) if isinstance(rejected, list) else chosen[:-1]
    start = _common(chosen, others)
    asked = "" if prompt is None else _turns(prompt, "user", "prompt")[-1].text
    if asked and all(turn.text != asked for turn in chosen[:start]):
        raise FormError("'chosen' is a conversation of its own, which does not hold the prompt")
    return split_exchanges(chosen, answers_from=start)


def _read_completion(row: Row) -> Iterator[Exchange]:
    """`{prompt, completion}`, as texts or as turns; `label: false` marks an unwanted one."""
    if str(row.get("label")).lower() == "false":
        return iter(())
    if row.get("prompt") is None:
        raise FormError("'completion' has no 'prompt'")
    completion = _turns(row["completion"], "assistant", "completion")
    if completion[0].role != "assistant":
        raise FormError(f"'completion' begins with a turn of role {completion[0].role}")
    return _answer(_turns(row["prompt"], "user", "prompt"), completion)


def _answer(asked: tuple[Turn, ...], answered: tuple[Turn, ...]) -> Iterator[Exchange]:
    if not any(turn.text for turn in asked if turn.role == "user"):
        raise FormError("the prompt has no text of a user")
    return split_exchanges((*asked, *answered), answers_from=len(asked))


def _turns(value: object, role: Role, key: str) -> tuple[Turn, ...]:
    """A conversation, a single turn, or a text that `role` says."""
    if isinstance(value, Mapping):
        return read_turns([value])
    return read_turns(value) if isinstance(value, list) else (Turn(role, _text(value, key)),)


_FORMS: Final[tuple[tuple[tuple[str, ...], Callable[[Row], Iterator[Exchange]]], ...]] = (
    (("chosen",), _read_preference),
    (("completion",), _read_completion),
    (_CHATS, _read_chat),
    (("instruction", "definition"), _read_instruction),
)
"""Keys of which a row must have one -> how it is read."""


def _with_frame(row: Row, exchange: Exchange) -> Exchange:
    """The exchange with what a row says beside the conversation: a system text, tools."""
    told = (_text(row.get("system"), "system"), exchange.system)
    tools = f"Tools: {_tools(row['tools'])}" if row.get("tools") else ""
    context = "\n".join(filter(None, (tools, exchange.input)))
    return replace(exchange, input=context, system="\n\n".join(filter(None, told)))


def _history(row: Row) -> str:
    """Earlier rounds beside an instruction: `history: [[asked, answered], ...]`."""
    history = row.get("history")
    if not history:
        return ""
    if not isinstance(history, list) or not all(
        isinstance(turn, list) and len(turn) == 2 for turn in history
    ):
        raise FormError("'history' must be a list of [asked, answered]")
    rounds = [
        (Turn("user", read_content(asked)), Turn("assistant", read_content(answered)))
        for asked, answered in history
    ]
    return render_turns([turn for pair in rounds for turn in pair])


def _common(left: tuple[Turn, ...], right: tuple[Turn, ...]) -> int:
    """How many turns both begin with."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))


def _tools(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(value: object, key: str) -> str:
    # Some data sets give alternatives as a list; the first is the one to learn.
    if isinstance(value, list) and value and isinstance(value[0], str | int | float):
        value = value[0]
    if value is None or value == []:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FormError(f"{key!r} must be a text; it is {type(value).__name__}")
    return str(value).strip()
