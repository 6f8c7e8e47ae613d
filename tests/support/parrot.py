"""A model that rewords by heart."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.records import Request
from harness.models import ModelInfo
from harness.models.contract import Sampling
from tests.support.victims import CharTokenizer, TouchyModel


class Parrot:
    """A writer that answers with one of its lines, and remembers what it was asked.

    Where a first word is put into its mouth, it has nothing to add.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.info: ModelInfo = TouchyModel().info
        self.tokenizer = CharTokenizer()
        self.asked: list[tuple[str, Sampling]] = []
        self.seeds: list[int] = []
        self._lines = list(lines)

    def sample(
        self, requests: Sequence[Request], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        prompts = [self.tokenizer.decode(request.context) for request in requests]
        self.asked += [(prompt, sampling) for prompt in prompts]
        self.seeds += seeds
        lines = [self._lines[seed % len(self._lines)] for seed in seeds]
        return [
            line if prompt.endswith('"') else ""
            for prompt, line in zip(prompts, lines, strict=True)
        ]
