"""Regular expressions of task files: one group, and a time limit, which Python's own `re` lacks."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import regex
from pydantic import AfterValidator, StringConstraints

from harness.core.errors import UsageError

Occurrence = Literal["first", "last"]
"""Which of several matches counts."""

_SECONDS: Final = 2.0
"""For one text. A pattern without nested repeats takes microseconds."""
_PROBE_SECONDS: Final = 0.5
_PROBES: Final = tuple(f"{unit * 1000}\0" for unit in ("a", "1", " ", "a ", "1,", '"', "."))
"""Texts on which repeats within repeats run away."""
_RUNAWAY_HINT: Final = "repeats within repeats, such as (a+)+, cause this: write one repeat"
_MAX_PATTERN: Final = 10_000


def _has_one_group(pattern: str) -> str:
    """Refuse a pattern that does not compile, has not exactly one group, or runs away."""
    try:
        groups = regex.compile(pattern).groups
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise ValueError(f"{pattern[:80]!r} is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError(
            f"{pattern[:80]!r} has {groups} groups, one was expected: put (…) around the answer, "
            "and write other groups as (?:…)"
        )
    if runs_away(pattern):
        raise ValueError(f"{pattern[:80]!r} runs away on repeated characters: {_RUNAWAY_HINT}")
    return pattern


def runs_away(pattern: str) -> bool:
    """Whether a pattern takes over half a second on a few kilobytes of repeated characters.

    Example:
        >>> runs_away(r"(a|aa)+$"), runs_away(r"a+$")
        (True, False)
    """
    try:
        for probe in _PROBES:
            regex.search(pattern, probe, timeout=_PROBE_SECONDS)
    except TimeoutError:
        return True
    return False


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text.

    Raises:
        UsageError: the pattern takes longer than two seconds on this text.
    """
    try:
        return regex.search(pattern, text, timeout=_SECONDS) is not None
    except TimeoutError:
        raise _runaway_error(pattern, text) from None


def _runaway_error(pattern: str, text: str) -> UsageError:
    return UsageError(
        f"the regular expression {pattern[:80]!r} ran longer than {_SECONDS:g} seconds on a text "
        f"of {len(text):,} characters.",
        hint=f"{_RUNAWAY_HINT.capitalize()}.",
    )


GroupPattern = Annotated[
    str, StringConstraints(min_length=1, max_length=_MAX_PATTERN), AfterValidator(_has_one_group)
]
"""A regular expression with exactly one group, in the syntax of the package `regex`: Python's and
more."""


def find_group(pattern: str, text: str, which: Occurrence = "first") -> str | None:
    """What the pattern's group holds at its first or last match; None where nothing matches.

    Raises:
        UsageError: the pattern takes longer than two seconds on this text.

    Example:
        >>> find_group(r"option ([A-D])", "option A, no: option C", "last")
        'C'
    """
    held: str | None = None
    try:
        for match in regex.finditer(pattern, text, timeout=_SECONDS):
            held = match[1]
            if which == "first":
                break
    except TimeoutError:
        raise _runaway_error(pattern, text) from None
    return held
