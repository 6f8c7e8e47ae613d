"""Finding numbers in a text, as people and models write them.

How a number is read:

- Of two kinds of separator the later is the decimal point: 1,000.50 and 1.000,50 are both 1000.5.
- One kind that stands several times separates thousands, where each group has three digits (or, as
  in India, two before the last three): 1,000,000 and 1.000.000 and 1,00,000.
- One separator alone is a decimal point, unless it is a comma, three digits follow it, and one to
  three without a leading zero precede it: 1,000 is a thousand; 1.000 is one; 1,5 is 1.5; 0,500 is a
  half. With the decimal point "," comma and dot change places.
- Apostrophes, underscores and typeset (narrow, fixed) spaces separate thousands; an ordinary space
  only where the last group is 000, as "100 200 300" is three numbers. Whatever else holds
  separators ("1,2,3", dates, versions) is several numbers.
- A minus counts where it touches the number or its currency sign and follows no digit, letter or
  closing bracket: "10-5" is 10 and 5. Dashes that serve as a minus are minuses.
- 3/4, 1 3/4, ¾ and LaTeX's \\frac{3}{4} are fractions. 1.5e3, 1.5 x 10^3, 10³ and 2^10 are powers.
  Other raised digits (m²), and digits right after a Latin letter (x2, H2O), are no numbers.
- Words that multiply count: 1.5 million. English number words are read only in a
  text without digits, so that "the other one" is no answer beside a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException
from typing import Final, Literal

from harness.grading.number_forms import fold_numbers
from harness.grading.number_words import number_words

DecimalPoint = Literal[".", ","]
"""Which separator, alone before three digits, is the decimal point; the other marks thousands."""

_EXACT: Final = Context(prec=60, Emax=9999, Emin=-9999)
"""Sixty digits, whatever the thread's own context says."""
_MAX_DIGITS: Final = 4000
_MAX_EXPONENT: Final = 999
_SCALES: Final = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Powers of ten."""
_SIGN: Final = r"(?:(?<![\w)\]}%])[-+](?=\.?\d|[$€£¥₹]))?"
_NUMBER: Final = re.compile(
    rf"""(?P<sign>{_SIGN})(?:[$€£¥₹]\s?(?P<inner_sign>-?))?
    (?<![A-Za-z_^\d])(?<!\d[.,/])
    (?:(?P<whole>\d{{1,9}})[ ](?P<part>\d{{1,9}}/\d{{1,9}})(?![\d/]) | (?P<run>\.?\d+(?:[.,/]\d+)*))
    (?:[eE](?P<exponent>[-+]?\d{{1,9}})(?!\w) | \^(?P<power>[-+]?\d{{1,9}})(?!\d))?
    (?:\s?[x×*·]\s?10(?:\^|\*\*)(?P<ten>[-+]?\d{{1,9}})(?!\d))?
    (?:\s?(?P<percent>%|percent\b|per\ cent\b) | [\s-](?P<scale>{"|".join(_SCALES)})s?\b)?""",
    re.VERBOSE | re.IGNORECASE,
)
_GROUPS: Final = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}")


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text."""

    value: Decimal
    start: int
    """Where it begins in the folded text (`fold_numbers`)."""
    end: int
    percent: bool = False
    """Whether a percent sign follows."""

    @property
    def as_hundredths(self) -> Decimal:
        """The value, with a percent sign taken as a hundredth."""
        return _EXACT.scaleb(self.value, -2) if self.percent else self.value


def number_text(value: Decimal) -> str:
    """A number written in one way, so that equal values are equal texts.

    Example:
        >>> number_text(Decimal("1007.00")), number_text(Decimal("1e40"))
        ('1007', '1E+40')
    """
    plain = _EXACT.normalize(value)
    return format(plain, "f") if abs(plain.adjusted()) <= 30 else str(plain)


def find_numbers(text: str, point: DecimalPoint = ".") -> list[Number]:
    """The numbers of a folded text, in its order.

    Args:
        text: What `fold_numbers` returned.
        point: The decimal point where a lone separator could be either.

    Example:
        >>> [str(number.value) for number in find_numbers("$1,000.50, 12 % or 3/4?")]
        ['1000.50', '12', '0.75']
        >>> [str(number.value) for number in find_numbers("eleven")]
        ['11']
    """
    if re.search(r"\d", text):
        return [number for match in _NUMBER.finditer(text) for number in _read(match, point)]
    return [Number(Decimal(value), start, end) for value, start, end in number_words(text)]


def read_numbers(text: str, point: DecimalPoint = ".") -> list[Number]:
    """The numbers of any text: `find_numbers` of its folded form."""
    return find_numbers(fold_numbers(text), point)


def _read(match: re.Match[str], point: DecimalPoint) -> Iterator[Number]:
    """The number of a match, or the several that its digits and separators are."""
    negative = "-" in (match["sign"], match["inner_sign"])
    try:
        value = _size(match, point)
        if value is not None:
            value = _times_powers(value, match)
    except (DecimalException, OverflowError):
        return
    if value is not None:
        signed = value.copy_negate() if negative else value
        yield Number(signed, match.start(), match.end(), percent=match["percent"] is not None)
    elif match["run"] is not None:
        yield from _pieces(match["run"], match.start("run"), point)


def _size(match: re.Match[str], point: DecimalPoint) -> Decimal | None:
    if match["whole"] is None:
        return _fraction_or_digits(match["run"], point)
    part = _fraction_or_digits(match["part"], point)
    return None if part is None else _EXACT.add(Decimal(match["whole"]), part)


def _fraction_or_digits(run: str, point: DecimalPoint) -> Decimal | None:
    terms = [_digits(term, point) for term in run.split("/")]
    if len(terms) > 2 or None in terms:
        return None
    top, *bottom = (term for term in terms if term is not None)
    return _EXACT.divide(top, bottom[0]) if bottom else top


def _digits(run: str, point: DecimalPoint) -> Decimal | None:
    """The value of digits with dots and commas; None where they are no one number."""
    marks = [character for character in run if character in ".,"]
    if len(run) > _MAX_DIGITS:
        return None
    if not marks:
        return Decimal(run)
    last, kinds = marks[-1], len(set(marks))
    whole, _, rest = run.rpartition(last)
    if kinds == 2 and last not in whole and _grouped(whole):
        return Decimal(f"{_ungrouped(whole)}.{rest}")
    if kinds == 1 and _grouped(run) and (len(marks) > 1 or last != point):
        return Decimal(_ungrouped(run))
    return Decimal(run.replace(",", ".")) if len(marks) == 1 else None


def _grouped(run: str) -> bool:
    return bool(_GROUPS.fullmatch(run.replace(".", ",")))


def _ungrouped(run: str) -> str:
    return run.replace(".", "").replace(",", "")


def _times_powers(value: Decimal, match: re.Match[str]) -> Decimal:
    """The value with its exponent, power of ten and scale word applied."""
    if match["power"] is not None:
        value = _EXACT.power(value, _small(match["power"]))
    scale = _SCALES[match["scale"].lower()] if match["scale"] else 0
    exponents = [_small(match[name]) for name in ("exponent", "ten") if match[name] is not None]
    shift = sum(exponents) + scale
    return _EXACT.scaleb(value, shift) if shift else value


def _small(exponent: str) -> int:
    value = int(exponent)
    if abs(value) > _MAX_EXPONENT:
        raise OverflowError
    return value


def _pieces(run: str, start: int, point: DecimalPoint) -> Iterator[Number]:
    """The numbers of a run that is not one: cut at slashes, else thousands marks, else points."""
    for mark in ("/", "." if point == "," else ",", point):
        if mark in run:
            for piece in run.split(mark):
                value = _digits(piece, point) if piece and "/" not in piece else None
                if value is not None:
                    yield Number(value, start, start + len(piece))
                elif piece:
                    yield from _pieces(piece, start, point)
                start += len(piece) + 1
            return
