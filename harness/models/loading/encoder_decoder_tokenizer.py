"""The tokenizer of an encoder-decoder: prompts for its encoder, answers for its decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models.contract import Asked
from harness.models.loading.tokenizer import HFTokenizer

_PROBE: Final = "a"


class EncoderDecoderTokenizer(HFTokenizer):
    """Text to tokens where prompt and answer are texts of their own.

    There is no seam: the space that parts an answer from its cue is left out, and the answer is
    tokenised alone. The encoder reads what the tokenizer puts after a text, too (T5's end token);
    without it, it would read a prompt that was cut short.
    """

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """The token ids of each text; with `special`, all that the tokenizer puts around it.

        Raises:
            UsageError: a text has a token that the model has no embedding for.
        """
        return (
            self.encode_whole(texts, special=True)
            if special
            else super().encode(texts, special=False)
        )

    def requests(self, asked: Sequence[Asked]) -> list[Request]:
        """See `Tokenizer`.

        Raises:
            UsageError: an answer has no token, or two that differ have the same.
        """
        contexts = {
            special: iter(
                self.encode([one.text for one in asked if one.special is special], special=special)
            )
            for special in (True, False)
        }
        tokens = self._answers(asked)
        return [
            Request(tuple(next(contexts[one.special])), _continuations(one.answers, tokens))
            for one in asked
        ]

    def decode_rest(self, ids: Sequence[int]) -> str:
        """See `HFTokenizer`; here an answer is a text of its own, that goes on with nothing."""
        return self.decode(ids)

    @property
    def opening(self) -> tuple[int, ...]:
        """The tokens that the tokenizer puts before a text (BART's BOS); T5's puts none."""
        (whole,) = self.encode_whole([_PROBE], special=True)
        (own,) = self.encode_whole([_PROBE], special=False)
        places = range(len(whole) - len(own) + 1)
        start = next((at for at in places if whole[at : at + len(own)] == own), 0)
        return tuple(whole[:start])

    def _answers(self, asked: Sequence[Asked]) -> dict[str, tuple[int, ...]]:
        """The tokens of every answer, by its text."""
        said = list(dict.fromkeys(text for one in asked for text in one.answers.values()))
        encoded = self.encode([text.lstrip() for text in said], special=False)
        return {text: tuple(ids) for text, ids in zip(said, encoded, strict=True)}


def _continuations(
    answers: Mapping[str, str], tokens: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Label -> the tokens of its answer.

    Raises:
        UsageError: a label's likelihood would be none, or another label's.
    """
    texts: dict[tuple[int, ...], str] = {}
    for text in answers.values():
        other = texts.setdefault(tokens[text], text)
        if not tokens[text]:
            raise UsageError(
                f"the model's tokenizer has no token for the answer {text!r}.",
                hint="Use other label words, or another model.",
            )
        if other.strip() != text.strip():
            raise UsageError(
                f"the model's tokenizer reads {other.strip()!r} and {text.strip()!r} as the same "
                "tokens, so that it can't tell these answers apart.",
                hint="Use other label words, or another model.",
            )
    return {label: tokens[text] for label, text in answers.items()}
