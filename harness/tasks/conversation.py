"""A conversation as input: the turns of a row, ending with what the user says last."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.records import Turn
from harness.tasks.template import template_name

_ROLES = ("system", "user", "assistant")


def read_turns(value: object, field: str) -> tuple[Turn, ...]:
    """The turns of a conversation: user and assistant in turn, a system text before them or not.

    Example:
        >>> read_turns([{"role": "user", "content": "Hello"}], "messages")
        (Turn(role='user', content='Hello'),)

    Raises:
        ValueError: it is no such list, begins with the assistant, or does not end with the user.
    """
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"has no list of messages in the field {field!r}")
    turns = tuple(_read_turn(one, number) for number, one in enumerate(value, 1))
    spoken = turns[1:] if turns[0].role == "system" else turns
    for number, turn in enumerate(spoken):
        expected = "assistant" if number % 2 else "user"
        if turn.role != expected:
            begins = "begins with" if number == 0 else f"has, as turn {number + 1}, one of"
            raise ValueError(f"{begins} the {turn.role}, where the {expected} was expected")
    if not spoken or spoken[-1].role != "user":
        raise ValueError("ends with the assistant, so nothing is asked; the user must speak last")
    return turns


def transcript_template(field: str) -> str:
    """The input template that writes a conversation line by line, for layouts without turns."""
    name = template_name(field)
    return (
        f"{{% for turn in {name} %}}{{{{ turn.role | capitalize }}}}: {{{{ turn.content }}}}"
        "{% if not loop.last %}\n{% endif %}{% endfor %}"
    )


def _read_turn(value: object, number: int) -> Turn:
    if not isinstance(value, Mapping) or not isinstance(value.get("content"), str):
        raise ValueError(f"has, as message {number}, no mapping of role and content")  # noqa: TRY004
    role = value.get("role")
    if role not in _ROLES:
        raise ValueError(
            f"has the role {role!r} in message {number}; roles are {', '.join(_ROLES)}"
        )
    return Turn(str(role), value["content"])
