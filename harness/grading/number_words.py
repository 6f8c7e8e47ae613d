"""English number words, up to the trillions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL: Final = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
}
_SCALES: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ONE: Final = "|".join(_ONES[1:10])
_TEEN_OR_TEN: Final = "|".join([*_ONES[10:], *_TENS])
_BELOW_100: Final = rf"(?:(?:{'|'.join(_TENS)})[\s-](?:{_ONE})\b|(?:{_TEEN_OR_TEN}|{_ONE})\b)"
_BELOW_1000: Final = (
    rf"(?:(?:{_BELOW_100}|a\b)\s+hundred\b(?:\s+(?:and\s+)?{_BELOW_100})?|{_BELOW_100})"
)
_SCALED: Final = rf"(?:{_BELOW_1000}|a\b)\s+(?:{'|'.join(_SCALES)})\b"
_NUMBER: Final = re.compile(
    rf"\b(?P<minus>(?:minus|negative)\s+)?(?P<words>zero\b"
    rf"|{_SCALED}(?:,?\s+{_SCALED}){{0,3}}(?:,?\s+(?:and\s+)?{_BELOW_1000})?|{_BELOW_1000})",
    re.IGNORECASE,
)


def number_words(text: str) -> Iterator[tuple[int, int, int]]:
    """The numbers that are written as words: value, start and end in the text.

    Example:
        >>> [value for value, _, _ in number_words("Twenty-one or a hundred and five, minus six")]
        [21, 105, -6]
    """
    for number in _NUMBER.finditer(text):
        value = _value(re.split(r"[\s,-]+", number["words"].lower()))
        yield (-value if number["minus"] else value), number.start(), number.end()


def _value(words: list[str]) -> int:
    total, part = 0, 0
    for word in words:
        if word in _SCALES:
            total, part = total + part * _SCALES[word], 0
        elif word == "hundred":
            part *= 100
        elif word != "and":
            part += 1 if word == "a" else _SMALL[word]
    return total + part
