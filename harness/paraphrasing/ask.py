"""The prompts that ask a model to reword a part of an instruction, and the answers it draws.

A few answered examples stand before the question: a small model copies their form where a
description of the task alone makes it answer the instruction instead of rewording it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

from harness.core.errors import UsageError
from harness.core.records import Request, Turn, stable_hash
from harness.models.contract import Asked, ModelInfo, Sampling, Tokenizer
from harness.models.named import find_configuration
from harness.models.spec import ModelSpec

REQUEST: Final = "Write this request in other words:"
EXAMPLES: Final = (
    (
        "Sort the message below by how urgent it is.",
        "Look at the following message and judge how quickly it needs a reply.",
    ),
    (
        "Which of the two answers is more helpful?",
        "Compare both answers and pick the one that helps the reader more.",
    ),
    (
        "Read the recipe and decide whether a beginner could cook it.",
        "Determine if somebody with little experience could make this recipe.",
    ),
    (
        "Name the language of the next passage.",
        "In what language is the following passage written?",
    ),
)
"""After INSTRAUG (Han et al. 2024, arXiv 2402.14492), which asks a model in the same way."""

STARTERS: Final = (
    "Determine", "Identify", "Tell", "Judge", "Consider", "Find", "Look", "Decide",
)  # fmt: skip
"""Verbs that every other answer begins with: they keep a small model from answering a question
that it is to reword."""

ANSWERS: Final = 8
"""Answers per draw: they share a prompt and go through the model at once."""


@runtime_checkable
class Writer(Protocol):
    """A model that can draw texts."""

    @property
    def info(self) -> ModelInfo:
        """Which model this is, for the bank's head."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's own."""
        ...

    def sample(
        self, requests: Sequence[Request], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        """One text per request, drawn by its seed alone."""
        ...


def check_writer(spec: ModelSpec) -> None:
    """Refuse a model that cannot reword, as far as its name and configuration tell.

    No weights are read; what only loading can tell, loading says.

    Raises:
        UsageError: there is no such model, or it does not go on with texts.
    """
    folder = find_configuration(spec)
    if folder is None or spec.trust_remote_code:
        return
    from harness.models.loading.auto_model import goes_on
    from harness.models.loading.pretrained_io import read_config

    if not goes_on(read_config(folder, code=False)):
        raise _cannot(spec.name)


def as_writer(model: object, name: str) -> Writer:
    """The model as one that draws texts from a beginning.

    Raises:
        UsageError: this kind of model cannot.
    """
    if not isinstance(model, Writer):
        raise _cannot(name)
    return model


def _cannot(name: str) -> UsageError:
    return UsageError(
        f"{name} cannot go on with a text that was begun for it, so it cannot reword.",
        hint="Use a causal language model.",
    )


def draw_answers(
    model: Writer, part: str, number: int, *, temperature: float, top_p: float, seed: int
) -> list[str]:
    """What the model says to the request to reword `part`.

    The answers depend on the model, the part, the number of the draw and the seed alone.
    """
    (tokens,) = model.tokenizer.count([part])
    sampling = Sampling(temperature, top_p, max_new_tokens=tokens + tokens // 2 + 8)
    seeds = [stable_hash(seed, part, temperature, number, turn, bits=56) for turn in range(ANSWERS)]
    starts = [_starter(number, turn) for turn in range(ANSWERS)]
    requests = model.tokenizer.requests([_ask(model.tokenizer, part, one) for one in starts])
    texts = model.sample(requests, seeds, sampling)
    return [(start + text).partition('"')[0] for start, text in zip(starts, texts, strict=True)]


def _starter(number: int, turn: int) -> str:
    if turn % 2 == 0:
        return ""
    return STARTERS[(number * ANSWERS // 2 + turn // 2) % len(STARTERS)]


def _ask(tokenizer: Tokenizer, part: str, start: str) -> Asked:
    """The prompt, up to the quotation mark and the word that the answer begins with."""
    if tokenizer.chat_template is None:
        before = [f'{REQUEST} "{text}"\nIn other words: "{other}"\n' for text, other in EXAMPLES]
        prompt = "\n".join([*before, f'{REQUEST} "{part}"\nIn other words: "{start}'])
        return Asked(prompt)
    turns = [
        turn
        for text, other in EXAMPLES
        for turn in (Turn("user", f'{REQUEST} "{text}"'), Turn("assistant", f'"{other}"'))
    ]
    turns.append(Turn("user", f'{REQUEST} "{part}"'))
    shown = tokenizer.render_chat([{"role": turn.role, "content": turn.content} for turn in turns])
    opening = f'"{start}'
    return Asked(shown + opening, turns=tuple(turns), opening=opening, special=False)
