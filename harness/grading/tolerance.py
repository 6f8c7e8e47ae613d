"""Whether two numbers are equal within a tolerance."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from harness.core.plain_numbers import PlainNumbers

_CONTEXT: Final = Context(prec=60, Emax=999_999, Emin=-999_999)

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tolerance(PlainNumbers):
    """How far a number may be from its reference: the larger of both allowances, bounds included.

    Example:
        >>> Tolerance(relative=0.01).allows(Decimal(101), Decimal(100))
        True
        >>> Tolerance().allows(Decimal("0.30"), Decimal("0.3"))
        True
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    absolute: Amount = 0.0
    """Largest difference, in the number's own unit."""
    relative: Amount = 0.0
    """Largest difference as a share of the reference's size; 0.01 is one percent."""

    def allows(self, value: Decimal, reference: Decimal) -> bool:
        """Whether `value` is within the tolerance of `reference`."""
        if value == reference:
            return True
        if not self.absolute and not self.relative:
            return False
        share = _CONTEXT.multiply(Decimal(repr(self.relative)), reference.copy_abs())
        allowed = max(Decimal(repr(self.absolute)), share)
        return _CONTEXT.subtract(value, reference).copy_abs() <= allowed
