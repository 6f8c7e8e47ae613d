"""From prompts to tokens: one request per cell, exact across the seam of prompt and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

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

    def build(
        self, prompts: Sequence[str], words: Sequence[Mapping[str, str]] = ()
    ) -> list[Request]:
        """One request per prompt, with every answer as a continuation of a shared context.

        Args:
            prompts: The prompts.
            words: For each prompt the answers and what the model is to say for them, where prompts
                differ in that; an empty one, and the default, stand for the task's labels.
        """
        own = {name: self.prompter.verbalizer_of[name] for name in self.labels}
        asked = [one or own for one in words] or [own] * len(prompts)
        texts = [
            text
            for prompt, answers in zip(prompts, asked, strict=True)
            for text in (prompt, *(prompt + self.prompter.say(said) for said in answers.values()))
        ]
        encoded = iter(self.tokenizer.encode(texts, special=self.prompter.special_tokens))
        return [
            join_request(next(encoded), list(islice(encoded, len(answers))), tuple(answers))
            for answers in asked
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
