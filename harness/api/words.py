"""Errors in Python's words: what a message calls `--few-shot` is the keyword `few_shot` here."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from pydantic import BaseModel

P = ParamSpec("P")
R = TypeVar("R")

_FLAG: Final = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
_COMMAND: Final = re.compile(r"\b(harness|pip) [a-z]")


def in_python(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function's errors name its keywords instead of the command line's options."""
    keywords = frozenset(inspect.signature(function).parameters)

    @functools.wraps(function)
    def worded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except HarnessError as error:
            error.message = to_keywords(error.message, keywords)
            error.hint = None if error.hint is None else _hint(error.hint, keywords)
            raise

    return worded


def to_keywords(text: str, keywords: Collection[str]) -> str:
    """Replace the options in a text by the keywords that stand for them; a command stays one.

    Example:
        >>> to_keywords("--few-shot 3 needs --task.", ("few_shot", "tasks"))
        'few_shot 3 needs tasks.'
        >>> to_keywords("Type: harness run --limit 3", ("limit",))
        'Type: harness run --limit 3'
    """
    if _COMMAND.search(text):
        return text
    return _FLAG.sub(lambda found: _keyword(found, keywords), text)


def _hint(text: str, keywords: Collection[str]) -> str:
    said = to_keywords(text, keywords)
    return said if said == text else re.sub(r"\bType\b", "Pass", said)


def _keyword(found: re.Match[str], keywords: Collection[str]) -> str:
    name = found[1].replace("-", "_")
    negated = name.removeprefix("no_")
    for keyword in (name, f"{name}s"):
        if keyword in keywords:
            return keyword
    return f"{negated}=False" if negated in keywords else found[0]


def describe_call(name: str, config: BaseModel, given: Mapping[str, object]) -> str:
    """The call that was made, for a manifest: what was given beside the defaults.

    Example:
        >>> from harness.evaluation.config import RunConfig
        >>> given = {"model": "m", "limit": 8, "seed": 0}
        >>> describe_call("run", RunConfig(**given), given)
        "harness.run(model='m', limit=8)"
    """
    fields = type(config).model_fields
    told = [
        f"{key}={(str(value) if isinstance(value, Path) else value)!r}"
        for key, value in given.items()
        if key in fields and getattr(config, key) != fields[key].get_default()
    ]
    return f"harness.{name}({', '.join(told)})"
