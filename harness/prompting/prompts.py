"""From an instruction and an input to the text a model sees, in one of three layouts.

plain   instruction, blank line, input, answer cue; the label follows after a space
coin    instruction, input, blank line, `### Response:`; the label follows after a space
chat    the tokenizer's own chat template: instruction, blank line and input are the user's turn;
        the answer cue opens the assistant's, and the label follows after a space

A system text stands before everything; in a chat it is a turn of its own if the template has one.
A prefill is where the answer begins: it stands in the assistant's turn of a chat, after the cue.
A conversation is shown as its turns in a chat, and as its transcript elsewhere.

The instruction may also stand after the input, or on both sides of it. Few-shot examples never
repeat it: it opens the first of them, closes the one that is asked, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import BLANK_LINE, Example, Placement, Turn
from harness.models.contract import Asked, Tokenizer

PromptFormat = Literal["plain", "coin", "chat"]
FormatChoice = Literal["auto", "plain", "coin", "chat"]
FORMAT_CHOICES: tuple[str, ...] = get_args(FormatChoice)

RenderChat = Callable[[Sequence[Mapping[str, str]]], str]

_COIN_RESPONSE = "### Response:"
_BEGUN: Final = "zqA0qz"
"""Stands for what the assistant's turn begins with while a template lays it out."""
_SPACE_FOLLOWS: Final = ".,:;=!?)]}"
"""A word that follows one of these, or a letter or a digit, stands after a space."""


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
    system: str = ""
    """The system text; empty where there is none."""
    has_system_role: bool = True
    """Whether the chat template has a turn for it; else it opens the user's first turn."""
    gap: str = BLANK_LINE
    """What stands between instruction and input, in the layouts plain and chat."""
    prefill: str = ""
    """What every answer begins with."""

    @property
    def special_tokens(self) -> bool:
        """Whether the tokenizer must add its own (a chat template has written them already)."""
        return self.layout != "chat"

    def prompt(
        self,
        instruction: str,
        input_text: str,
        *,
        system: str | None = None,
        turns: Sequence[Turn] = (),
    ) -> str:
        """Everything up to the answer, without a trailing space: the text of `ask`."""
        return self.ask(instruction, input_text, system=system, turns=turns).text

    def ask(
        self,
        instruction: str,
        input_text: str,
        *,
        system: str | None = None,
        turns: Sequence[Turn] = (),
    ) -> Asked:
        """The prompt as a model is handed it: its text, and in the chat layout its turns.

        Args:
            instruction: Says what to do.
            input_text: May be empty, where the instruction holds it.
            system: Another system text than the task's.
            turns: A conversation, of which the input is the transcript: a chat shows its turns.
        """
        before = self.system if system is None else system
        if self.layout == "chat":
            said = self._turns(instruction, input_text, before, turns)
            return Asked(
                self._render(said),
                turns=said,
                opening=self.answer_cue,
                prefill=self.begun,
                special=False,
            )
        first = [before] if before else []
        if self.layout == "coin":
            text = "\n".join([*first, self._coin(instruction, input_text)])
        else:
            text = "\n\n".join([*first, self._plain(instruction, input_text)])
        return Asked(text + self._after_cue, prefill=self.begun)

    def continuation(self, label: str) -> str:
        """What follows the prompt where the answer is that label."""
        return self.say(self.verbalizer_of[label])

    def say(self, words: str) -> str:
        """What follows the prompt where the answer is said in these words."""
        return (_space_after(self.prefill) if self.prefill else self._space_after_cue) + words

    def answer(self, text: str) -> str:
        """What follows the prompt where the whole answer is this text.

        One that begins with the prefill goes on after it.
        """
        begun = self.begun
        return text[len(begun) :] if begun and text.startswith(begun) else self.say(text)

    @property
    def begun(self) -> str:
        """What is there of an answer before the model says anything.

        Spaces that end the prefill begin what follows: tokenizers cut there.
        """
        return self.prefill.rstrip(" ")

    @property
    def premise(self) -> str:
        """Where an answer begins, without its question."""
        cue = self.answer_cue or "Answer:"
        return f"{cue} {self.begun}" if self.begun else cue

    def _answer(self, shot: Example) -> str:
        """What follows the answer cue of an example that is answered right."""
        known = {**self.verbalizer_of, **shot.words}
        return self._after_cue + self.answer(known.get(shot.gold, shot.gold))

    @property
    def _after_cue(self) -> str:
        """What of the answer follows the cue in a prompt."""
        return self._space_after_cue + self.begun if self.begun else ""

    @property
    def _space_after_cue(self) -> str:
        return " " if self.layout == "coin" or self.answer_cue else ""

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
        asked = ask(self._asked(instruction, input_text, self.gap))
        rows = BLANK_LINE.join([*answered, asked])
        return self.gap.join([*self._before(instruction), rows])

    def _coin(self, instruction: str, input_text: str) -> str:
        def ask(text: str) -> str:
            return f"{text}\n\n{_COIN_RESPONSE}" if text else f"\n{_COIN_RESPONSE}"

        answered = [f"{ask(s.input)}{self._answer(s)}\n\n" for s in self.shots]
        asked = ask(self._asked(instruction, input_text, "\n"))
        return "\n".join([*self._before(instruction), f"{''.join(answered)}{asked}"])

    def _render(self, turns: Sequence[Turn]) -> str:
        if self.render_chat is None:
            raise UsageError(
                "the prompt format 'chat' needs a chat template, and this tokenizer has none.",
                hint="Type: --prompt-format plain.",
            )
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        if not self.begun:
            return self.render_chat(messages) + self.answer_cue
        return _before_answer(self.render_chat, messages) + self.answer_cue + self._after_cue

    def _turns(
        self, instruction: str, input_text: str, system: str, conversation: Sequence[Turn]
    ) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        for shot in self.shots:
            answer = self.answer_cue + self._answer(shot)
            told, said = _open(shot.input, shot.turns)
            said[0] = replace(said[0], content=_paragraphs(told, said[0].content))
            turns += [*said, Turn("assistant", answer)]
        told, said = _open(input_text, conversation)
        system = _paragraphs(system, told)
        turns += said
        asked = self._asked(instruction, turns[-1].content, self.gap)
        turns[-1] = replace(turns[-1], content=asked)
        opening = self.gap.join(filter(None, [*self._before(instruction), turns[0].content]))
        if system and not self.has_system_role:
            opening = _paragraphs(system, opening)
        turns[0] = replace(turns[0], content=opening)
        if system and self.has_system_role:
            turns.insert(0, Turn("system", system))
        return tuple(turns)


def _before_answer(render: RenderChat, messages: Sequence[Mapping[str, str]]) -> str:
    """A chat up to where the text of an assistant's turn begins that the model is to continue.

    It differs from the generation prompt where a template writes more there, such as the beginning
    of reasoning; this one is used where a template shows no assistant's turn at the end.
    """
    try:
        shown = render([*messages, {"role": "assistant", "content": _BEGUN}])
    except UsageError:
        return render(messages)
    before, found, _ = shown.rpartition(_BEGUN)
    return before if found else render(messages)


def _space_after(prefill: str) -> str:
    """What stands between a prefill and the words after it: its own spaces, else one after words
    and stops, none after an opening bracket, a quotation mark or a line break."""
    own = prefill[len(prefill.rstrip(" ")) :]
    follows = prefill[-1].isalnum() or prefill[-1] in _SPACE_FOLLOWS
    return own or (" " if follows else "")


def _open(text: str, conversation: Sequence[Turn]) -> tuple[str, list[Turn]]:
    """A conversation's system text, if it has one, and its other turns; a text is one turn."""
    turns = list(conversation)
    told = turns.pop(0).content if turns and turns[0].role == "system" else ""
    return told, turns or [Turn("user", text)]


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


def shows_system(render: RenderChat) -> bool:
    """Whether a chat template says what a system turn says."""
    told = "What the system says."
    try:
        turns = (("system", told), ("user", "What a user says."))
        return told in render([{"role": role, "content": text} for role, text in turns])
    except UsageError:
        return False


def choose_layout(wanted: str, tokenizer: Tokenizer) -> PromptFormat:
    """The layout of prompts to a model (see `resolve_format`)."""
    return resolve_format(wanted, has_chat_template=tokenizer.chat_template is not None)


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
