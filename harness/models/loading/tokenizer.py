"""The tokenizer of a transformers checkpoint, as the harness uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from transformers import PreTrainedTokenizerBase

from harness.core.errors import UsageError
from harness.models.loading.chat_template import ChatTemplate
from harness.models.loading.chat_worker import TODAY
from harness.models.loading.panics import first_line, is_panic, quiet_panics
from harness.models.loading.token_spans import find_spans
from harness.models.token_requests import TokenRequests

_PROBES: Final = ("", "a", "7")
"""Texts that share no letter: what their tokens end in alike was put there by the tokenizer."""

_REASONING_NOTE: Final = (
    "the chat template begins each answer inside <think>: labels are scored, and texts are read, "
    "where the model would reason first; --prompt-format plain does without."
)

_DATE_NOTE: Final = (
    f"the chat template shows the date: it is told {TODAY.day} {TODAY:%B %Y} on every day, so that "
    "a prompt does not change with the day."
)

_LINES_NOTE: Final = (
    "the model's tokenizer reads a line break as a space: to this model a prompt's lines are one, "
    "and variants that differ in line breaks alone are the same."
)


class HFTokenizer(TokenRequests):
    """Text to tokens and back, by a transformers tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._limit: int | None = None
        with quiet_panics():  # a tokenizer that can't read anything shows here
            self._endings = {own: self._find_ending(special=own) for own in (False, True)}
            self._lead = self._find_lead()
        self._chat = _find_template(tokenizer)
        self.chat_template: str | None = None if self._chat is None else self._chat.source
        self.notes: list[str] = []
        if self._chat is not None and self._chat.begins_reasoning():
            self.notes.append(_REASONING_NOTE)
        if self._chat is not None and "strftime_now" in self._chat.source:
            self.notes.append(_DATE_NOTE)
        if self._loses_lines():
            self.notes.append(_LINES_NOTE)

    def limit_to(self, embeddings: int) -> None:
        """Refuses from now on tokens that a model of so many embeddings does not have.

        Some tokenizers hold more tokens than their model, and never use them.
        """
        self._limit = embeddings if len(self._tokenizer) > embeddings else None

    @property
    def end_id(self) -> int | None:
        """The token that ends a text, if there is one."""
        return cast("int | None", self._tokenizer.eos_token_id)

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """The token ids of each text; with `special`, those that the model begins with (BOS).

        Tokens that the tokenizer puts after every text (EOS, SEP) are left out: a prompt goes on
        with its answer, and an answer's score is that of its own tokens.

        Raises:
            UsageError: a text has a token that the model has no embedding for.
        """
        encoded = self.encode_whole(texts, special=special)
        ending = self._endings[special]
        if not ending:
            return encoded
        cut = len(ending)
        return [ids[:-cut] if tuple(ids[-cut:]) == ending else ids for ids in encoded]

    def encode_whole(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """The same with what the tokenizer puts after a text.

        Raises:
            UsageError: as `encode`.
        """
        encoded = self._encode(texts, special=special)
        if self._limit is not None:
            self._check_limit(encoded, self._limit)
        return encoded

    def _encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        if not texts:
            return []
        # `verbose` off: the harness itself says which prompts are too long, and for which model.
        try:
            encoded = self._tokenizer(list(texts), add_special_tokens=special, verbose=False)
        except BaseException as error:
            if not (isinstance(error, Exception) or is_panic(error)):
                raise
            raise UsageError(
                f"the model's tokenizer can't read a text: {first_line(error)}.",
                hint="Copy its files again from where the model came from.",
            ) from error
        return cast(list[list[int]], encoded["input_ids"])

    def _check_limit(self, encoded: Sequence[Sequence[int]], limit: int) -> None:
        beyond = next((token for ids in encoded for token in ids if token >= limit), None)
        if beyond is not None:
            raise UsageError(
                f"the tokenizer has {len(self._tokenizer):,} tokens, the model {limit:,}: "
                f"{self._tokenizer.convert_ids_to_tokens(beyond)!r} is none that it knows.",
                hint="Give the model the tokenizer that it was trained with.",
            )

    def _loses_lines(self) -> bool:
        """Whether line breaks do not reach the model, as with T5's vocabulary."""
        broken, spaced = self._encode(["a\nb", "a b"], special=False)
        return broken == spaced

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

    def spans(self, text: str, *, special: bool) -> list[tuple[int, int] | None]:
        """Which characters `start:end` of a text each token of `encode` stands for.

        Returns:
            One span per token: None for a token that the tokenizer adds, and the whole character
            for a token that holds a part of its bytes.

        Raises:
            UsageError: the tokenizer can't read the text.
        """
        ids = self._encode([text], special=special)[0]
        return find_spans(self._tokenizer, text, ids, special=special)

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each token as the vocabulary has it."""
        return [str(name) for name in self._tokenizer.convert_ids_to_tokens(list(ids))]

    def _find_lead(self) -> tuple[int, ...]:
        """The tokens of an "a", where a text that is decoded without what stood before it loses its
        first space, as with Llama 2's vocabulary; else none."""
        lead, whole = self._encode(["a", "a b"], special=False)
        loses = whole[: len(lead)] == lead and self.decode(whole[len(lead) :]) == "b"
        return tuple(lead) if loses and self.decode(lead) == "a" else ()

    def decode_rest(self, ids: Sequence[int]) -> str:
        """The text of ids that go on with a prompt: a space that they begin with is kept."""
        if not self._lead:
            return self.decode(ids)
        return self.decode((*self._lead, *ids)).removeprefix("a")

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, without special tokens."""
        text = self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return cast(str, text)

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The messages as the model's chat prompt, up to where its answer begins.

        Raises:
            UsageError: the model has no chat template, or the template fails, takes too much time
                or leaves out what a message says.
        """
        if self._chat is None:
            raise UsageError("the model has no chat template.", hint="Type --prompt-format plain.")
        return self._chat.render(messages)


def _find_template(tokenizer: PreTrainedTokenizerBase) -> ChatTemplate | None:
    source = tokenizer.chat_template
    if isinstance(source, dict):
        source = source.get("default")
    if source is None:
        return None
    tokens: dict[str, object] = dict(tokenizer.special_tokens_map)
    return ChatTemplate(str(source), tokens)
