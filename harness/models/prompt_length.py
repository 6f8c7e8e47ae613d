"""Whether prompts can be asked at all: not empty, and short enough for their answers."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models.contract import ModelInfo


def check_lengths(requests: Sequence[Request], info: ModelInfo, *, room: int) -> None:
    """Refuses prompts that a model which goes on with its prompt can't be asked.

    Args:
        requests: what it is to be asked.
        info: the model, whose context prompt and answer share.
        room: tokens that are to be generated after a prompt.

    Raises:
        UsageError: a prompt has no token, or is too long with its answer.
    """
    for request in requests:
        if not (request.context or request.turns):
            raise no_context()
        length = length_of(request) + room
        if length > info.max_context:
            raise UsageError(
                f"a prompt needs {length} tokens with its answer, and {info.name} takes "
                f"{info.max_context}.",
                hint="Use shorter inputs or fewer --few-shot examples.",
            )


def length_of(request: Request) -> int:
    """Tokens of the prompt with its longest label."""
    return len(request.context) + longest_answer(request)


def longest_answer(request: Request) -> int:
    """Tokens of the request's longest label."""
    return max(map(len, request.continuations.values()), default=0)


def no_context() -> UsageError:
    """The error of a prompt that a model would have to begin from nothing."""
    return UsageError(
        "a prompt has no token, and a model says nothing about the first one.",
        hint="Use a prompt with text in it.",
    )
