"""What a served model makes of text: tokens that its server cuts, or the text itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.core.errors import UsageError
from harness.core.records import Request, Turn
from harness.models.contract import Asked
from harness.models.servers.calls import answer_all, answer_one
from harness.models.servers.client import Client, Json
from harness.models.servers.dialect import Dialect
from harness.models.servers.protocol import read_ids, read_prompt
from harness.models.token_requests import TokenRequests

if TYPE_CHECKING:
    import httpx2

_BYTES_A_TOKEN: Final = 4
"""Of English; what a text's length is guessed by where nobody counts its tokens."""


@dataclass(frozen=True, slots=True)
class ServedLayout:
    """The chat layout of a server's model."""

    client: Client
    dialect: Dialect
    chat_template: str | None
    """The template, or a name for one that the server keeps to itself."""

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The turns as the model sees them, where the server shows that; else as a person does."""
        if self.dialect.chat_prompt != "messages":
            return render(self.client, self.dialect, [dict(one) for one in messages])
        return "".join(f"{one['role']}: {one['content']}\n" for one in messages)


class ServedTokens(TokenRequests):
    """Tokens by the server's own tokenizer."""

    def __init__(self, layout: ServedLayout) -> None:
        self.chat_template = layout.chat_template
        self.render_chat = layout.render_chat
        self._layout = layout

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """See `TokenRequests`; equal texts are sent once."""
        client, dialect = self._layout.client, self._layout.dialect

        async def cut(http: httpx2.AsyncClient, text: str) -> list[int]:
            url = f"{client.address.root}/tokenize"
            body = dialect.tokenization(text, special=special)
            return await client.post(http, url, body, read_ids, paid=False)

        distinct = list(dict.fromkeys(texts))
        found = {distinct[place]: ids for place, ids in answer_all(client, distinct, cut)}
        return [found[text] for text in texts]

    def requests(self, asked: Sequence[Asked]) -> list[Request]:
        """See `Tokenizer`; turns that the server lays out itself stay turns."""
        if self._layout.dialect.chat_prompt != "messages":
            return super().requests(asked)
        own = [one for one in asked if not one.turns]
        made = iter(super().requests(own))
        return [_as_turns(one, self._layout.dialect) if one.turns else next(made) for one in asked]


class ServedText:
    """Texts as they are, for a server that shows no tokens."""

    def __init__(self, layout: ServedLayout) -> None:
        self.chat_template = layout.chat_template
        self.render_chat = layout.render_chat
        self._dialect = layout.dialect

    def count(self, texts: Sequence[str], *, special: bool = False) -> list[int]:
        """A guess by the texts' length."""
        return [special - (-len(text.encode()) // _BYTES_A_TOKEN) for text in texts]

    def requests(self, asked: Sequence[Asked]) -> list[Request]:
        """See `Tokenizer`."""
        return [
            _as_turns(one, self._dialect)
            if one.turns and self._dialect.chat_prompt == "messages"
            else self._as_text(one)
            for one in asked
        ]

    def _as_text(self, asked: Asked) -> Request:
        """The prompt as a text to complete, or else as all that a user says."""
        if self._dialect.completions:
            return Request(turns=(Turn("", asked.text),), answers=asked.answers)
        _check_begun(asked, self._dialect)
        return Request(turns=(Turn("user", asked.text),), answers=asked.answers)


def _check_begun(asked: Asked, dialect: Dialect) -> None:
    """Validate that no answer is begun where a server begins all of them itself.

    Raises:
        UsageError: one is.
    """
    if not asked.prefill:
        return
    plain = "Type: --prompt-format plain, or leave `prefill:` out of the task file."
    other = "Leave `prefill:` out of the task file, or use a server that completes texts."
    raise UsageError(
        f"answers of the task begin with {asked.prefill[:40]!r} (`prefill:`), and the server of "
        f"{dialect.model} begins the answers of a chat itself.",
        hint=plain if dialect.completions else other,
    )


def _as_turns(asked: Asked, dialect: Dialect) -> Request:
    """The conversation; the cue of an answer closes the last turn, as few servers would let it be
    put into the model's mouth.

    Raises:
        UsageError: the answer is begun with a prefill, which would be no part of it there.
    """
    _check_begun(asked, dialect)
    *before, last = asked.turns
    closed = f"{last.content}\n{asked.opening}" if asked.opening else last.content
    return Request(turns=(*before, Turn(last.role, closed)), answers=asked.answers)


def render(client: Client, dialect: Dialect, messages: list[dict[str, str]]) -> str:
    """Turns as the text that the model sees.

    Raises:
        UsageError: the server cannot lay them out.
    """

    async def lay_out(http: httpx2.AsyncClient) -> str:
        return await fetch_layout(client, dialect, http, messages)

    text = answer_one(client, lay_out)
    if not all(one["content"].strip() in text for one in messages):
        raise UsageError(
            f"the chat template of {dialect.model} leaves out what a turn says.",
            hint="Type: --prompt-format plain.",
        )
    return text


async def fetch_layout(
    client: Client, dialect: Dialect, http: httpx2.AsyncClient, messages: list[dict[str, str]]
) -> str:
    """The text of turns, by llama.cpp's `/apply-template`."""
    body: Json = {"model": dialect.model, "messages": messages, "add_generation_prompt": True}
    url = f"{client.address.root}/apply-template"
    return await client.post(http, url, body, read_prompt, paid=False)
