"""Lists of names as users give them: repeated, separated by commas, or one alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from harness.core.errors import UnknownNameError, UsageError, nearest_hint
from harness.core.records import (
    LEVELS,
    PERTURBED_LEVELS,
    SCORERS,
    STRENGTH_NAMES,
    Level,
    Scorer,
    StrengthName,
)

INSTRUCTION_SOURCE: Final = r"^promptbench(:[1-9]\d*)?$"
"""What `--instructions` may be beside a number."""


def split_names(given: object) -> object:
    """Split names at commas, each once and in order; what is no text or list stays as it is.

    Example:
        >>> split_names("sentiment, topic")
        ('sentiment', 'topic')
        >>> split_names(["sentiment,topic", "topic"])
        ('sentiment', 'topic')

    Raises:
        ValueError: a text that names nothing, such as that of an empty variable in a script.
    """
    values = [given] if isinstance(given, str) else given
    if not isinstance(values, list | tuple) or not all(isinstance(one, str) for one in values):
        return given
    if not all(value.strip(" ,") for value in values):
        raise ValueError("an empty text names nothing")
    return to_names(values)


def folder_name(text: str) -> str:
    """A name as part of a folder's: whatever it is, it leads nowhere else.

    Example:
        >>> folder_name("../models/SmolLM2 135M")
        'models-SmolLM2-135M'
    """
    return re.sub(r"[^\w.]+", "-", text)[:40].strip(".-")


def as_list(given: object) -> object:
    """Take one text for a list of it."""
    return (given,) if isinstance(given, str) else given


def to_names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of a text with commas, or of a list of such texts."""
    values = to_texts(given)
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def to_texts(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text, or several, as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def parse_levels(given: str | Iterable[str]) -> tuple[Level, ...]:
    """Read the perturbed levels of a list; `all` is every one, `clean` alone none.

    Example:
        >>> parse_levels("semantic,character")
        ('character', 'semantic')

    Raises:
        UnknownNameError: a name that is no level.
        UsageError: an empty text.
    """
    texts = [given] if isinstance(given, str) else list(given)
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    for name in names:
        if name not in (*LEVELS, "all"):
            raise UnknownNameError("level", name, [*LEVELS, "all"])
    if texts and not names:
        raise UsageError("--levels is empty.", hint=f"Choose from {', '.join(LEVELS)}, all.")
    return tuple(level for level in PERTURBED_LEVELS if level in names or "all" in names)


def parse_scorers(given: str | Iterable[str]) -> tuple[Scorer, ...]:
    """Read a list of scorers, each once and in order; `all` is every one.

    Example:
        >>> parse_scorers("generate,loglik")
        ('generate', 'loglik')

    Raises:
        UnknownNameError: a name that is no scorer.
        UsageError: an empty text.
    """
    texts = [given] if isinstance(given, str) else list(given)
    names = to_names(texts)
    for name in names:
        if name not in (*SCORERS, "all"):
            raise UnknownNameError("scorer", name, [*SCORERS, "all"])
    if texts and not names:
        raise UsageError("--scorer is empty.", hint=f"Choose from {', '.join(SCORERS)}, all.")
    known = {str(scorer): scorer for scorer in SCORERS}
    named = tuple(known[name] for name in names if name in known)
    return named if "all" not in names else tuple(dict.fromkeys((*named, *SCORERS)))


def parse_strengths(given: str | Iterable[str]) -> tuple[StrengthName, ...]:
    """Read a list of strengths, each once, the weakest first.

    Example:
        >>> parse_strengths("high,low")
        ('low', 'high')

    Raises:
        UnknownNameError: a name that is no strength.
        UsageError: an empty text.
    """
    names = to_names([given] if isinstance(given, str) else list(given))
    for name in names:
        if name not in STRENGTH_NAMES:
            raise UnknownNameError("strength", name, STRENGTH_NAMES)
    if not names:
        raise UsageError("--strength is empty.", hint=f"Choose from {', '.join(STRENGTH_NAMES)}.")
    return tuple(name for name in STRENGTH_NAMES if name in names)


def parse_instructions(given: object) -> object:
    """Read the value of `--instructions`: a number, or a source with or without one.

    Raises:
        UsageError: it is neither.
    """
    if not isinstance(given, str) or re.match(INSTRUCTION_SOURCE, given):
        return given
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    raise UsageError(
        f"--instructions {given!r} is neither a number from 1 nor a source of instructions."
        f"{nearest_hint(given, ['promptbench'])}",
        hint="Type for example: --instructions 4, promptbench or promptbench:4.",
    )
