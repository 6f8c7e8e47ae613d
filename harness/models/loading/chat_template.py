"""A model's chat template: what it makes of messages, and whether it keeps all that they say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.core.errors import UsageError
from harness.models.loading.chat_renderer import ChatRenderer, Limits

Message = Mapping[str, object]
Roles = tuple[str, ...]
_WORDS: Final = " ".join(["several words"] * 40)
_PRINTED: Final = re.compile(r"""['"]type['"]: ['"]text['"]""")
"""Parts as Python or JSON writes them: of a template that takes text and was given parts."""
_ASKING: Final = "user"
_REASONING: Final = "<think>"


class ChatTemplate:
    """Renders messages up to where the answer begins.

    A new sequence of roles is tried first, on texts made for it: whether the template takes a
    message's content as text or as parts, and whether it leaves anything out.
    """

    def __init__(
        self, source: str, tokens: Mapping[str, object], limits: Limits | None = None
    ) -> None:
        """Prepare.

        Args:
            source: the Jinja template.
            tokens: special tokens by name (`bos_token`), which templates write.
            limits: of one rendering.
        """
        self.source = source
        self._tokens = dict(tokens)
        self._renderer = ChatRenderer(source, limits or Limits())
        self._forms: dict[Roles, Callable[[Message], Message]] = {}

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The messages as one prompt.

        Raises:
            UsageError: the template fails, or leaves out what a message says.
        """
        roles = tuple(message["role"] for message in messages)
        if roles not in self._forms:
            self._forms[roles] = self._find_form(roles)
        prompt = self._render([self._forms[roles](message) for message in messages])
        # A trial can't know which words a template cuts at.
        for message in messages:
            if message["role"] == _ASKING and not _holds(prompt, message["content"]):
                raise self._left_out(_ASKING)
        return prompt

    def begins_reasoning(self) -> bool:
        """Whether an answer begins inside a block that reasoning models think in."""
        if _REASONING not in self.source:
            return False
        try:
            prompt = self.render([{"role": "user", "content": "text"}])
        except UsageError:
            return False  # said when a prompt is made
        return prompt.rstrip().endswith(_REASONING)

    def _render(self, messages: Sequence[Message]) -> str:
        return self._renderer.render(
            {
                **self._tokens,
                "messages": list(map(dict, messages)),
                "tools": None,
                "documents": None,
                "add_generation_prompt": True,
            }
        )

    def _find_form(self, roles: Roles) -> Callable[[Message], Message]:
        """How messages of these roles are to be given.

        Raises:
            UsageError: in no way is all that they say in the prompt.
        """
        trial = [
            {
                "role": role,
                "content": f"begin{n} {_WORDS} instruction{n}\n\nend{n} {_WORDS} input{n}",
            }
            for n, role in enumerate(roles)
        ]
        failures: list[UsageError] = []
        for form in (dict, _in_parts):
            try:
                prompt = self._render([form(message) for message in trial])
            except UsageError as error:
                failures.append(error)
                continue
            printed = form is _in_parts and _PRINTED.search(prompt)
            lost = [m["role"] for m in trial if printed or not _says(prompt, m["content"])]
            if not lost:
                return form
            failures.append(self._left_out(lost[0]))
        raise failures[0]

    def _left_out(self, role: str) -> UsageError:
        what = (
            f"leaves out what the role {role!r} says, or part of it"
            if self.source.strip()
            else "is empty"
        )
        return UsageError(f"the model's chat template {what}.", hint="Type --prompt-format plain.")


def _in_parts(message: Message) -> Message:
    """The message with its content as models of images and text take it."""
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def _holds(prompt: str, content: str) -> bool:
    """Whether the content is in the prompt as it is, in other white space, or in JSON."""
    if content in prompt:
        return True
    forms = (content, *(json.dumps(content, ensure_ascii=escape)[1:-1] for escape in (True, False)))
    squeezed = "".join(prompt.split())
    return any("".join(form.split()) in squeezed for form in forms)


def _says(prompt: str, content: str) -> bool:
    """Whether each line of the content is there, whatever stands between them."""
    text = prompt.casefold()
    return all(line.casefold() in text for line in content.split("\n\n"))
