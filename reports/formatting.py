"""How numbers are written, in one place: percentages, points, intervals, counts, times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from harness.results.quantity import Quantity

MINUS: Final = "\u2212"
MISSING: Final = "–"


Writable: TypeAlias = float | Quantity | None
"""What can be written: a value, the value of a quantity, or nothing."""


def percent(given: Writable, digits: int = 1) -> str:
    """A fraction as a percentage: 0.7124 -> '71.2%'."""
    value = _value(given)
    return MISSING if value is None else f"{_signed(100 * value, digits)}%"


def points(given: Writable, digits: int = 1) -> str:
    """A difference of two fractions in percentage points: 0.0624 -> '6.2'."""
    value = _value(given)
    return MISSING if value is None else _signed(100 * value, digits)


def detectable(given: Writable) -> str:
    """A detectable difference in points: 0.061 -> '6.1'; above 100 there is none to detect."""
    value = _value(given)
    return "over 100" if value is not None and value > 1 else points(given)


def below_detectable(noun: str, largest: float) -> str:
    """What may be missed: 'a drop under about 6.1 points', or any where nothing is detectable."""
    return f"any {noun}" if largest > 1 else f"a {noun} under about {points(largest)} points"


def number(given: Writable, digits: int = 2) -> str:
    """A plain number: 0.8312 -> '0.83'."""
    value = _value(given)
    return MISSING if value is None else _signed(value, digits)


def deviation(variance: Quantity | None) -> str:
    """A variance of scores as a standard deviation in points, with its interval."""
    if variance is None:
        return MISSING
    text = f"{100 * math.sqrt(variance.value):.1f}"
    if variance.interval is None:
        return text
    low, high = (100 * math.sqrt(end) for end in variance.interval)
    return f"{text} [{low:.1f}, {high:.1f}]"


def interval(quantity: Quantity | None, write: Callable[[float], str] = points) -> str:
    """A quantity's interval, in points or percent unless `write` says else: '[3.1, 9.4]'."""
    if quantity is None or quantity.interval is None:
        return MISSING
    low, high = quantity.interval
    return f"[{write(low)}, {write(high)}]"


def with_interval(
    quantity: Quantity | None,
    write: Callable[[Writable], str],
    inner: Callable[[float], str] = points,
) -> str:
    """A quantity and its interval where it has one: '71.2% [68.0, 74.1]'."""
    if quantity is None or quantity.interval is None:
        return write(quantity)
    return f"{write(quantity)} {interval(quantity, inner)}"


def p_value(value: float | None) -> str:
    """A p-value: '0.031', never '0.000'."""
    if value is None or math.isnan(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int | None) -> str:
    """A count with thousands separated: 12240 -> '12,240'."""
    return MISSING if value is None else f"{value:,}"


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """A count and its noun: '1 task', '12 tasks'."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def duration(seconds: float | None) -> str:
    """A time span: '51 s', '4 min 12 s', '2 h 05 min'."""
    if seconds is None:
        return MISSING
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def day(iso: str | None) -> str:
    """The day of an ISO time stamp: '22 November 2026'; the text itself where it is none."""
    if not iso:
        return MISSING
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when.day} {when:%B %Y}"


def minute(when: datetime | None) -> str:
    """A moment in a list: '2026-11-22 09:30'."""
    return MISSING if when is None else f"{when:%Y-%m-%d %H:%M}"


def title(name: str) -> str:
    """A name at the beginning of a line: 'token F1' -> 'Token F1'."""
    return name[:1].upper() + name[1:]


def listed(items: Sequence[str], *, limit: int = 6) -> str:
    """Items as prose: 'a, b and c', with the rest counted beyond `limit`."""
    shown = list(items[:limit])
    if len(items) > limit:
        shown.append(f"{len(items) - limit} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _value(given: Writable) -> float | None:
    value = given.value if isinstance(given, Quantity) else given
    return None if value is None or math.isnan(value) else value


def _signed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    # A rounded zero carries no sign: "-0.0" would read as a difference.
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)
