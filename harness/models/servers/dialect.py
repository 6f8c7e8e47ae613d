"""How one server wants to be asked, as its probe found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.core.records import Request
from harness.models.contract import PromptForm
from harness.models.servers.address import Address

TOP: Final = 500
"""Likeliest tokens that are asked for: most labels begin with one of them."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The shape of a server's requests."""

    model: str
    completions: bool = False
    """Whether it completes a text."""
    chat: bool = False
    """Whether it answers turns."""
    tokens: bool = False
    """Whether it cuts texts into tokens, and takes them as prompts."""
    template: bool = False
    """Whether it lays out turns as the text that the model sees."""
    limit_key: str = "max_tokens"
    """What the maximum of new tokens is called in chats."""
    tells_temperature: bool = True
    """Whether a chat may be told to be greedy."""
    top: int = TOP
    """How many of the likeliest tokens are asked for."""
    anchor: int | None = None
    """A token with a text of its own, which is said where another might tell nothing."""

    @property
    def prompt(self) -> PromptForm:
        """What plain prompts are asked as."""
        if self.tokens:
            return "tokens"
        return "text" if self.completions else "messages"

    @property
    def chat_prompt(self) -> PromptForm:
        """What prompts in the chat layout are asked as."""
        return self.prompt if self.template or not self.chat else "messages"

    @property
    def has_chat(self) -> bool:
        """Whether there is a chat layout at all."""
        return self.chat or (self.template and self.completions)

    def completion(
        self, prompt: str | list[int], max_tokens: int, **more: object
    ) -> dict[str, object]:
        """The body of a completion, greedy unless told otherwise."""
        body = {"model": self.model, "prompt": prompt, "max_tokens": max_tokens}
        return {**body, "temperature": 0.0, **more}

    def conversation(
        self, messages: list[dict[str, str]], max_tokens: int, **more: object
    ) -> dict[str, object]:
        """The body of a chat, greedy unless told otherwise."""
        body = {"model": self.model, "messages": messages, self.limit_key: max_tokens}
        greedy = {"temperature": 0.0} if self.tells_temperature else {}
        return {**body, **greedy, **more}

    def text_request(
        self, address: Address, request: Request, max_tokens: int, **more: object
    ) -> tuple[str, dict[str, object], bool]:
        """Where to ask for a request's text, the body, and whether a chat answers."""
        if request.turns and request.turns[0].role:
            turns = [{"role": one.role, "content": one.content} for one in request.turns]
            body = self.conversation(turns, max_tokens, **more)
            return f"{address.url}/chat/completions", body, True
        prompt = request.turns[0].content if request.turns else list(request.context)
        return f"{address.url}/completions", self.completion(prompt, max_tokens, **more), False

    def tokenization(self, text: str, *, special: bool) -> Mapping[str, object]:
        """The body that llama.cpp and vLLM cut a text by, each by the keys that it knows."""
        return {
            "model": self.model,
            "content": text,
            "prompt": text,
            "add_special": special,
            "add_special_tokens": special,
            "parse_special": True,
        }
