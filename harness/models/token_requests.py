"""Requests in tokens, exact across the seam of prompt and label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import islice

from harness.core.records import Request
from harness.models.contract import Asked, Tokenizer


class TokenRequests(ABC):
    """What a tokenizer that knows its tokens offers as a `Tokenizer`.

    The tokens of a request are those of the whole text `prompt + label`. Where a tokenizer merges
    the end of the prompt with the start of a label, the context ends before the merged token and
    that token belongs to the continuation: a label's score is then
    log P(prompt + label) - log P(context), which ranks labels by the joint text.
    """

    @abstractmethod
    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """Tokenises texts.

        Args:
            texts: N texts.
            special: whether to begin each with the tokens that the model begins with (BOS).

        Returns:
            N lists of token ids, without tokens that a tokenizer puts after a text (EOS).

        Raises:
            UsageError: the tokenizer fails, or the model has no embedding for a token.
        """

    def count(self, texts: Sequence[str], *, special: bool = False) -> list[int]:
        """See `Tokenizer`."""
        return [len(ids) for ids in self.encode(texts, special=special)]

    def requests(self, asked: Sequence[Asked]) -> list[Request]:
        """See `Tokenizer`."""
        made: dict[int, Request] = {}
        for special in (True, False):
            places = [place for place, one in enumerate(asked) if one.special is special]
            found = self._alike([asked[place] for place in places], special=special)
            made |= dict(zip(places, found, strict=True))
        return [made[place] for place in range(len(asked))]

    def _alike(self, asked: Sequence[Asked], *, special: bool) -> list[Request]:
        texts = [
            text
            for one in asked
            for text in (one.text, *(one.text + said for said in one.answers.values()))
        ]
        encoded = iter(self.encode(texts, special=special) if texts else ())
        return [
            join_request(next(encoded), list(islice(encoded, len(one.answers))), tuple(one.answers))
            for one in asked
        ]


def encode(tokenizer: Tokenizer, texts: Sequence[str], *, special: bool) -> list[list[int]]:
    """The tokens of each text, by a model's own tokenizer; none where it takes text."""
    asked = [Asked(text, special=special) for text in texts]
    return [list(request.context) for request in tokenizer.requests(asked)]


def join_request(
    prompt: Sequence[int], full: Sequence[Sequence[int]], labels: Sequence[str]
) -> Request:
    """The request of a prompt's tokens and, for each label, the tokens of prompt + label."""
    cut = min([len(prompt), *(common_prefix(prompt, ids) for ids in full)])
    # A label that adds no token of its own (it was merged whole) still needs one to be scored.
    cut = min([cut, *(len(ids) - 1 for ids in full)])
    return Request(
        context=tuple(prompt[:cut]),
        continuations={label: tuple(ids[cut:]) for label, ids in zip(labels, full, strict=True)},
    )


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many leading tokens `a` and `b` share."""
    for position, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return position
    return min(len(a), len(b))
