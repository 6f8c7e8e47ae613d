"""From prompts to tokens: one request per cell, exact across the seam of prompt and label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.records import Request
from harness.models.contract import Tokenizer
from harness.prompting.prompts import Prompter


@dataclass(slots=True)
class RequestBuilder:
    """Tokenises the prompts of one task.

    The tokens of a request are those of the whole text `prompt + label`. Where a tokenizer merges
    the end of the prompt with the start of a label, the context ends before the merged token and
    that token belongs to the continuation: a label's score is then
    log P(prompt + label) - log P(context), which ranks labels by the joint text.
    """

    prompter: Prompter
    tokenizer: Tokenizer
    labels: tuple[str, ...]

    def build(self, prompts: Sequence[str]) -> list[Request]:
        """One request per prompt, with every label as a continuation of a shared context."""
        special = self.prompter.special_tokens
        texts = [
            text
            for prompt in prompts
            for text in (
                prompt,
                *(prompt + self.prompter.continuation(name) for name in self.labels),
            )
        ]
        encoded = self.tokenizer.encode(texts, special=special)
        step = len(self.labels) + 1
        return [
            join_request(encoded[i], encoded[i + 1 : i + step], self.labels)
            for i in range(0, len(encoded), step)
        ]

    def contexts(self, prompts: Sequence[str]) -> list[Request]:
        """One request per prompt, without continuations, for generation."""
        encoded = self.tokenizer.encode(prompts, special=self.prompter.special_tokens)
        return [Request(context=tuple(ids)) for ids in encoded]


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
