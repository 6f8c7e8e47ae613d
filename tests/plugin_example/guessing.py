"""A model in a package of its own: one that guesses, which every other must beat.

harness run --model chance:0 --task sentiment --scorer loglik
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from random import Random

from harness.core.errors import UsageError
from harness.core.records import Request, Response, stable_hash
from harness.models import ModelInfo, ModelSpec
from harness.models.token_requests import TokenRequests


class Characters(TokenRequests):
    """A tokenizer with one token per character."""

    chat_template: str | None = None

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """See `TokenRequests`."""
        return [[ord(character) for character in text] for text in texts]

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """See `Tokenizer`."""
        raise UsageError("a model that guesses has no chat template.")


class Guesser:
    """Draws the likelihoods of labels anew for every prompt; the same prompt has the same ones."""

    def __init__(self, seed: str) -> None:
        self.info = ModelInfo(
            name=f"chance:{seed}",
            kind="chance",
            path="",
            # Whatever can change an answer belongs in here: answers are cached under it.
            fingerprint=f"chance-1-{seed}",
            parameters=0,
            dtype="float32",
            device="cpu",
            max_context=1_000_000,
        )
        self.tokenizer = Characters()
        self.notes: list[str] = []

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """See `Model`."""
        for index, request in enumerate(requests):
            rng = Random(stable_hash(self.info.fingerprint, *request.context))
            drawn = {label: rng.expovariate(1.0) for label in request.continuations}
            total = sum(drawn.values())
            yield index, Response(scores={key: log(one / total) for key, one in drawn.items()})

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """See `Model`; it has nothing to say."""
        for index in range(len(requests)):
            yield index, Response(text="")


def load_chance(spec: ModelSpec) -> Guesser:
    """The model of `chance:SEED`; what stands after the colon is the name of the spec."""
    return Guesser(spec.name)
