"""Values with their intervals, as records hold them and as a file spells them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeAlias, get_type_hints

from pydantic import AfterValidator, BeforeValidator, Field

Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value and, where it could be computed, the interval [low, high] that holds the truth.

    Shares lie in [0, 1] and differences in [-1, 1]: fractions, not points.
    """

    value: Number
    interval: tuple[Number, Number] | None

    @property
    def low(self) -> float | None:
        """The interval's lower end."""
        return None if self.interval is None else self.interval[0]

    @property
    def high(self) -> float | None:
        """The interval's upper end."""
        return None if self.interval is None else self.interval[1]


def _within(low: float, high: float) -> AfterValidator:
    def check(quantity: Quantity) -> Quantity:
        if not low <= quantity.value <= high:
            raise ValueError(f"{quantity.value:g} does not lie in [{low:g}, {high:g}]")
        if quantity.interval and quantity.interval[0] > quantity.interval[1]:
            raise ValueError("its interval ends below its start")
        return quantity

    return AfterValidator(check)


Share: TypeAlias = Annotated[Quantity, _within(0, 1)]
Difference: TypeAlias = Annotated[Quantity, _within(-1, 1)]
Ratio: TypeAlias = Annotated[Quantity, _within(-math.inf, math.inf)]


def as_written(kind: Any) -> BeforeValidator:
    """What makes `drop` and `drop_ci` of a file the quantity `drop` of a record of this type."""

    def pair(record: object) -> object:
        if not isinstance(record, Mapping):
            return record
        names = [name for name in quantities_of(kind) if name in record]
        return {**record, **{name: _pair(record, name) for name in names}}

    return BeforeValidator(pair)


def _pair(record: Mapping[str, object], name: str) -> object:
    if record[name] is None:
        return None
    if f"{name}_ci" not in record:
        return {"value": record[name]}
    ends = record[f"{name}_ci"]
    return {"value": record[name], "interval": tuple(ends) if isinstance(ends, list) else ends}


@cache
def quantities_of(kind: Any) -> frozenset[str]:
    """The names of a record type's fields that are quantities."""
    hints = get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if hint in (Quantity, Quantity | None))
