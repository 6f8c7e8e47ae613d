"""A victim without weights: it reads the review, and errs the more the instruction was changed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

from harness.core.records import Request, Response, stable_hash
from harness.models import ModelInfo
from harness.models.token_requests import TokenRequests

INSTRUCTION = "Read the review below and decide about its sentiment. Say 'positive' or 'negative'."

TASK = f"""
name: reviews
description: Short reviews.
source: {{file: reviews.jsonl}}
label_field: label
input: "Review: {{{{ text }}}}"
answer_cue: "Sentiment:"
labels:
  - {{name: negative, word: negative}}
  - {{name: positive, word: positive}}
instructions:
  - {{id: task-1, style: task, text: "{INSTRUCTION}"}}
  - {{id: bare, style: task, text: "'positive' 'negative'"}}
paraphrases:
  task-1: ["Is the sentiment of this review 'positive' or 'negative'?"]
"""


def write_task(folder: Path, examples: int = 160) -> Path:
    """A task file with as many reviews, half of them positive."""
    rows = [
        {"text": f"a {('bad', 'good')[n % 2]} film, number {n}", "label": label}
        for n in range(examples)
        for label in [("negative", "positive")[n % 2]]
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "reviews.jsonl").write_text(lines, encoding="utf-8")
    path = folder / "reviews.yaml"
    path.write_text(TASK, encoding="utf-8")
    return path


class CharTokenizer(TokenRequests):
    """One token a character."""

    chat_template: str | None = None

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        return [[ord(char) for char in text] for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        raise AssertionError("this stand-in is not asked for that")


class TouchyModel:
    """Right on nine in ten reviews with the clean instruction; each lost word costs accuracy."""

    def __init__(self, *, seconds_a_call: float = 0.0) -> None:
        self.info = ModelInfo(
            name="touchy",
            kind="directory",
            path="",
            fingerprint="touchy",
            parameters=0,
            dtype="float32",
            device="cpu",
            max_context=10_000,
        )
        self.tokenizer = CharTokenizer()
        self.notes: list[str] = []
        self.cells = 0
        self._seconds = seconds_a_call

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        time.sleep(self._seconds)
        for index, request in enumerate(requests):
            self.cells += 1
            yield index, Response(scores=self._scores(self.tokenizer.decode(request.context)))

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        raise AssertionError("this stand-in is not asked for that")

    def _scores(self, prompt: str) -> dict[str, float]:
        instruction, _, review = prompt.partition("\n\n")
        truth = "positive" if "good" in review else "negative"
        lost = [word for word in INSTRUCTION.split() if word not in instruction.split()]
        touchiness = 0.1 + sum(stable_hash("word", word) % 20 / 100 for word in lost)
        hardness = stable_hash("review", review) % 1000 / 1000
        margin = hardness - touchiness
        other = {"positive": "negative", "negative": "positive"}[truth]
        return {truth: margin, other: 0.0}


def main() -> None:
    """Run one attack on a slow victim; a test kills this process."""
    from harness.attacks.config import AttackConfig
    from harness.attacks.prepare import prepare_attack
    from harness.attacks.run import execute_attack

    config = AttackConfig.model_validate_json(os.environ["ATTACK_CONFIG"])
    victim = TouchyModel(seconds_a_call=0.05)
    with mock.patch("harness.attacks.prepare.load_model", return_value=victim):
        execute_attack(prepare_attack(config), command="test")


if __name__ == "__main__":
    main()
