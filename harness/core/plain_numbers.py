"""Numbers of configurations: YAML's `yes` is none, though Python counts it as 1, nor is `.inf`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class PlainNumbers(BaseModel):
    """Base of a configuration whose numbers are finite and no truth values.

    Example:
        >>> class Bound(PlainNumbers):
        ...     least: float
        >>> Bound(least=1).least
        1.0
        >>> try:
        ...     Bound.model_validate({"least": True})
        ... except ValueError as error:
        ...     print(error.errors()[0]["msg"])
        a number was expected, not a truth value
    """

    model_config = ConfigDict(allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool):
            types = set(_types_in(cls.model_fields[str(info.field_name)].annotation))
            if types & {int, float} and bool not in types:
                raise PydanticCustomError("no_number", "a number was expected, not a truth value")
        return value


def _types_in(annotation: Any) -> Iterator[object]:
    """The types that an annotation is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _types_in(part)
