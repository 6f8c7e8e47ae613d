"""From prompts and the words of their answers to what a model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.records import Request
from harness.models.contract import Asked, Tokenizer
from harness.prompting.prompts import Prompter


@dataclass(slots=True)
class RequestBuilder:
    """Makes the requests of one task; how they are tokenised is the model's own."""

    prompter: Prompter
    tokenizer: Tokenizer
    labels: tuple[str, ...]

    def build(
        self, prompts: Sequence[Asked], words: Sequence[Mapping[str, str]] = ()
    ) -> list[Request]:
        """One request per prompt, with every answer as a continuation of a shared context.

        Args:
            prompts: The prompts.
            words: For each prompt the answers and what the model is to say for them, where prompts
                differ in that; an empty one, and the default, stand for the task's labels.
        """
        own = {name: self.prompter.verbalizer_of[name] for name in self.labels}
        said = [one or own for one in words] or [own] * len(prompts)
        return self.tokenizer.requests(
            [
                replace(prompt, answers={k: self.prompter.say(v) for k, v in answers.items()})
                for prompt, answers in zip(prompts, said, strict=True)
            ]
        )

    def contexts(self, prompts: Sequence[Asked]) -> list[Request]:
        """One request per prompt, without continuations, for generation."""
        return self.tokenizer.requests(prompts)
