"""Checked options: from the values that a user gave to a configuration, or one line of error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeVar, get_args, get_origin

from harness.core.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

C = TypeVar("C", bound="BaseModel")


def flag(field: str) -> str:
    """Return the name of a field's option on the command line.

    Example:
        >>> flag("per_perturbation")
        '--per-perturbation'
    """
    return f"--{field.replace('_', '-')}"


def check_options(
    config: type[C], values: Mapping[str, object], *, say: Callable[[str], str] = flag
) -> C:
    """Build a configuration from the values of its options.

    Args:
        config: the pydantic model whose fields are the options.
        values: option name -> value, as given on the command line or in Python.
        say: what an error calls an option; in Python, its own name.

    Returns:
        The configuration, every value checked.

    Raises:
        UnknownNameError: no such option, or a value that is not among an option's choices.
        UsageError: a value that is missing, of another type or out of its range.
    """
    from pydantic import ValidationError

    try:
        return config.model_validate(dict(values))
    except ValidationError as error:
        raise _explain(config, error, say) from None


def choices_of(annotation: object) -> tuple[str, ...]:
    """Return the names that a `Literal` anywhere in a type allows, in order; none for another type.

    Example:
        >>> choices_of(tuple[Literal["a", "b"], ...] | None)
        ('a', 'b')
    """
    if get_origin(annotation) is Literal:
        return tuple(str(choice) for choice in get_args(annotation))
    return tuple(choice for part in get_args(annotation) for choice in choices_of(part))


def _explain(
    config: type[BaseModel], error: ValidationError, say: Callable[[str], str]
) -> UsageError:
    """Return the first thing that is wrong, as an error that says what to type."""
    first: ErrorDetails = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return UnknownNameError("option", name, config.model_fields)
    if first["type"] == "missing":
        return UsageError(f"{say(name)} is missing.")
    if first["type"] == "literal_error":
        choices = choices_of(config.model_fields[name].annotation)
        return UnknownNameError(name.replace("_", " "), str(first["input"]), choices)
    return UsageError(f"{say(name)} {first['input']!r}: {_reason(first)}.")


def _reason(first: ErrorDetails) -> str:
    return first["msg"].removeprefix("Value error, ").lower()
