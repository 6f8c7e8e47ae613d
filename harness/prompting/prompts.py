"""From an instruction and an input to the text a model sees, in one of three layouts.

plain   instruction, blank line, input, answer cue; the label follows after a space
coin    instruction, input, blank line, `### Response:`; the label follows after a space
chat    the tokenizer's own chat template: instruction, blank line and input are the user's turn;
        the answer cue opens the assistant's, and the label follows after a space

The instruction may also stand after the input, or on both sides of it. Few-shot examples never
repeat it: it opens the first of them, closes the one that is asked, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import Example, Placement

PromptFormat = Literal["plain", "coin", "chat"]
FormatChoice = Literal["auto", "plain", "coin", "chat"]
FORMAT_CHOICES: tuple[str, ...] = get_args(FormatChoice)

RenderChat = Callable[[Sequence[Mapping[str, str]]], str]

_COIN_RESPONSE = "### Response:"


@dataclass(frozen=True, slots=True)
class Prompter:
    """Builds the prompts of one task in one layout.

    `shots` are answered examples that stand before the one that is asked.
    """

    layout: PromptFormat
    answer_cue: str
    verbalizer_of: Mapping[str, str]
    """Label name -> label word."""
    shots: tuple[Example, ...] = ()
    render_chat: RenderChat | None = None
    placement: Placement = "first"
    """Where the instruction stands."""

    @property
    def special_tokens(self) -> bool:
        """Whether the tokenizer must add its own (a chat template has written them already)."""
        return self.layout != "chat"

    def prompt(self, instruction: str, input_text: str) -> str:
        """Everything up to the answer, without a trailing space.

        The input may be empty, where the instruction holds it.
        """
        if self.layout == "chat":
            return self._chat(instruction, input_text)
        if self.layout == "coin":
            return self._coin(instruction, input_text)
        return self._plain(instruction, input_text)

    def continuation(self, label: str) -> str:
        """What follows the prompt where the answer is that label."""
        return self.say(self.verbalizer_of[label])

    def say(self, words: str) -> str:
        """What follows the prompt where the answer is said in these words."""
        return (" " if self._ends_in_cue else "") + words

    def _answer(self, shot: Example) -> str:
        """What follows the prompt of an example that is answered right."""
        known = {**self.verbalizer_of, **shot.words}
        return self.say(known.get(shot.gold, shot.gold))

    @property
    def _ends_in_cue(self) -> bool:
        return self.layout == "coin" or bool(self.answer_cue)

    def _before(self, instruction: str) -> list[str]:
        """The instruction, where it stands before the input."""
        return [] if self.placement == "last" else [instruction]

    def _asked(self, instruction: str, input_text: str, gap: str) -> str:
        """The input that is asked, and after it the instruction where that stands there."""
        after = [] if self.placement == "first" else [instruction]
        return gap.join([*([input_text] if input_text else []), *after])

    def _plain(self, instruction: str, input_text: str) -> str:
        def ask(text: str) -> str:
            return f"{text}\n{self.answer_cue}" if text else self.answer_cue

        answered = [f"{ask(s.input)}{self._answer(s)}" for s in self.shots]
        asked = ask(self._asked(instruction, input_text, "\n\n"))
        return "\n\n".join([*self._before(instruction), *answered, asked])

    def _coin(self, instruction: str, input_text: str) -> str:
        def ask(text: str) -> str:
            return f"{text}\n\n{_COIN_RESPONSE}" if text else f"\n{_COIN_RESPONSE}"

        answered = [f"{ask(s.input)}{self._answer(s)}\n\n" for s in self.shots]
        asked = ask(self._asked(instruction, input_text, "\n"))
        return "\n".join([*self._before(instruction), f"{''.join(answered)}{asked}"])

    def _chat(self, instruction: str, input_text: str) -> str:
        if self.render_chat is None:
            raise UsageError(
                "the prompt format 'chat' needs a chat template, and this tokenizer has none.",
                hint="Type: --prompt-format plain.",
            )
        turns: list[dict[str, str]] = []
        for shot in self.shots:
            answer = self.answer_cue + self._answer(shot)
            turns.append({"role": "user", "content": shot.input})
            turns.append({"role": "assistant", "content": answer})
        asked = self._asked(instruction, input_text, "\n\n")
        turns.append({"role": "user", "content": asked})
        opening = [*self._before(instruction), turns[0]["content"]]
        turns[0]["content"] = "\n\n".join(filter(None, opening))
        return self.render_chat(turns) + self.answer_cue


def resolve_format(wanted: str, *, has_chat_template: bool) -> PromptFormat:
    """The layout to use: `auto` is chat where the tokenizer has a template, else plain.

    Raises:
        UsageError: an unknown format, or chat without a template.
    """
    if wanted == "auto":
        return "chat" if has_chat_template else "plain"
    for layout in get_args(PromptFormat):
        if wanted == layout:
            if layout == "chat" and not has_chat_template:
                raise UsageError(
                    "the prompt format 'chat' needs a chat template, and this tokenizer has none.",
                    hint="Type: --prompt-format plain.",
                )
            chosen: PromptFormat = layout
            return chosen
    raise UnknownNameError("prompt format", wanted, FORMAT_CHOICES)
