"""Numbers in one form of writing: LaTeX, raised digits, fractions, signs and spaces made plain."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from harness.grading.answer_text import fold_writing

_RAISED_DIGITS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_RAISED: Final = re.compile("(?P<ten>(?<![\\d.,])10)?(?P<power>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_VULGAR: Final = re.compile("(?P<whole>\\d)?(?P<part>[¼-¾⅐-⅞↉])")
_LATEX: Final = (
    (re.compile(r"\\[dt]?frac\s*\{\s*(-?\d{1,20})\s*\}\s*\{\s*(\d{1,20})\s*\}"), r"\1/\2"),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)"), r"\1/\2"),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "x"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[,;!: ]"), ""),
    (re.compile(r"\\(?=[$%])"), ""),
    (re.compile(r"\^\s*\{\s*([-+]?\d{1,9})\s*\}"), r"^\1"),
)
_ARABIC_AND_SLASHES: Final = str.maketrans("\u066b\u066c\u2044\u2215", ".,//")
_GROUP_MARKS: Final = re.compile(
    "(?<=\\d)[\u00a0\u2007\u2009\u202f'’_](?=\\d{3}(?!\\d))"  # typeset spaces, Swiss, code
)
_THOUSANDS: Final = re.compile(r"(?<![\d.,/])[1-9]\d{0,2}(?: \d{3})* 000(?![\d])")
_DASH_AS_MINUS: Final = re.compile(r"(?<![\w)\]}%\s])\s?[–—](?=[\d.$€£¥₹])|(?<!\S)[–—](?=[.$€£¥₹])")
_SPACED_MINUS: Final = re.compile(r"=\s*-\s+(?=[\d.$€£¥₹])")


def fold_numbers(text: str) -> str:
    """The text with its numbers written plainly: ASCII digits, one minus, 3/4 for fractions.

    Raised digits after 10 become a power, others (m², footnotes) go.

    Example:
        >>> fold_numbers("−5 m² or 1¾ x 10⁻³, \\\\frac{3}{4}")
        '-5 m or 1 3/4 x 10^-3, 3/4'
    """
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    text = _VULGAR.sub(_fraction, _RAISED.sub(_power, text)).translate(_ARABIC_AND_SLASHES)
    text = fold_writing(_GROUP_MARKS.sub("", text))
    text = _THOUSANDS.sub(lambda groups: groups[0].replace(" ", ""), text)
    text = _DASH_AS_MINUS.sub("-", text)
    return _SPACED_MINUS.sub("= -", text)


def _power(raised: re.Match[str]) -> str:
    return f"10^{raised['power'].translate(_RAISED_DIGITS)}" if raised["ten"] else ""


def _fraction(vulgar: re.Match[str]) -> str:
    part = unicodedata.normalize("NFKC", vulgar["part"])
    return f"{vulgar['whole']} {part}" if vulgar["whole"] else part
