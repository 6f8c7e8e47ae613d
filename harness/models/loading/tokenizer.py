"""The tokenizer of a transformers checkpoint, as the harness uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from harness.core.errors import UsageError

_PROBES: Final = ("", "a", "7")
"""Texts that share no letter: what their tokens end in alike was put there by the tokenizer."""


class HFTokenizer:
    """Text to tokens and back, by a transformers tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._endings = {special: self._find_ending(special=special) for special in (False, True)}
        self.chat_template: str | None = _default_template(tokenizer)

    @property
    def end_id(self) -> int | None:
        """The token that ends a text, if there is one."""
        return cast("int | None", self._tokenizer.eos_token_id)

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """The token ids of each text; with `special`, those that the model begins with (BOS).

        Tokens that the tokenizer puts after every text (EOS, SEP) are left out: a prompt goes on
        with its answer, and an answer's score is that of its own tokens.
        """
        encoded = self._encode(texts, special=special)
        ending = self._endings[special]
        if not ending:
            return encoded
        cut = len(ending)
        return [ids[:-cut] if tuple(ids[-cut:]) == ending else ids for ids in encoded]

    def _encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        if not texts:
            return []
        # `verbose` off: the harness itself says which prompts are too long, and for which model.
        encoded = self._tokenizer(list(texts), add_special_tokens=special, verbose=False)
        return cast(list[list[int]], encoded["input_ids"])

    def _find_ending(self, *, special: bool) -> tuple[int, ...]:
        """The tokens that every text ends in: those that texts without a common letter share."""
        probes = [ids for ids in self._encode(_PROBES, special=special) if ids]
        unknown = self._tokenizer.unk_token_id
        ending: list[int] = []
        for tokens in zip(*map(reversed, probes), strict=False):
            if len(set(tokens)) > 1 or tokens[0] == unknown:
                break
            ending.insert(0, tokens[0])
        return tuple(ending) if len(probes) > 1 else ()

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, without special tokens."""
        text = self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return cast(str, text)

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The messages as the model's chat prompt, up to where its answer begins.

        Raises:
            UsageError: the model has no chat template, or the template rejects the messages.
        """
        if self.chat_template is None:
            raise UsageError("the model has no chat template.", hint="Type --prompt-format plain.")
        try:
            rendered = self._tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                chat_template=self.chat_template,
                tokenize=False,
                add_generation_prompt=True,
            )
        except TemplateError as error:
            raise UsageError(
                f"the model's chat template rejects the messages: {error}.",
                hint="Type --prompt-format plain.",
            ) from error
        return cast(str, rendered)


def _default_template(tokenizer: PreTrainedTokenizerBase) -> str | None:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    return cast("str | None", template)
