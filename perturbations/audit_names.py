"""Names that are no words, and units and dates beside numbers, for the audit.

Found in the chunks between spaces; shares nothing with `perturbations.protect`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final


def find_names(prose: str) -> Iterator[str]:
    """Yield paths, addresses, flags, versions, acronyms, option letters, parts and references."""
    chunks = prose.split()
    for chunk in chunks:
        name = bare(chunk)
        if _is_technical(name) or _is_coded(name) or _is_marked(chunk, name) or _is_roman(name):
            yield name
    for first, second in pairwise(chunks):
        name, after = bare(first), bare(second)
        cited = name in _NUMBERED and any(map(str.isdigit, after))
        if cited or (name in _PARTS and after and set(after) <= set("IVX")):
            yield name
        elif name.lower() in _OPTIONS and after == "A":
            yield after


def find_units(prose: str) -> Iterator[str]:
    """Yield units, currencies, months and weekdays that stand beside a number or alone."""
    chunks = [bare(chunk) for chunk in prose.split()]
    yield from (chunk for chunk in chunks if chunk.removesuffix("s") in _WEEKDAYS)
    for first, second in pairwise(chunks):
        if first[-1:].isdigit() and _is_unit(second):
            yield second
        elif first in _CURRENCIES and second[:1].isdigit():
            yield first
        # A month counts beside a day or a year, since `may` and `march` are words as well.
        for month, beside in ((first, second), (second, first)):
            if month.lower() in _MONTHS and any(map(str.isdigit, beside)):
                yield month.lower()


def bare(chunk: str) -> str:
    """Return a chunk between spaces without the marks of the sentence around it."""
    return chunk.strip(_MARKS).strip("_")


def _is_technical(chunk: str) -> bool:
    """Whether a chunk is a path, an address, a flag, a variable or the like."""
    if len(chunk) < 2 or not any(char.isalpha() for char in chunk) or _QUOTED & set(chunk):
        return False
    if chunk[0] in "$%-@#~/\\▁" or chunk.count("/") > 1 or "\\" in chunk or "_" in chunk:
        return True
    if chunk.partition(":")[0] in {"mailto", "tel", "doi", "arXiv"}:
        return True
    return any(
        (before.isalnum() and (mark in "=$(" or (mark in ".@" and after.isalpha())))
        or (before.islower() and mark.isupper() and after.islower())
        for before, mark, after in zip(chunk, chunk[1:], chunk[2:], strict=False)
    )


def _is_coded(chunk: str) -> bool:
    """Whether letters and digits, or capitals and marks, make a name: `GPT-4`, `N/A`, `C++`."""
    if not chunk.isascii():
        return False
    if any(map(str.isdigit, chunk)) and any(map(str.isalpha, chunk)):
        marks = ".+-:" if chunk[:4].isdigit() and "T" in chunk else ".+-"
        return all(char.isalnum() or char in marks for char in chunk)
    parts = chunk.replace("&", "/").replace(";", "/").split("/")
    acronym = len(parts) > 1 and all(part.isalpha() and part.isupper() for part in parts)
    return acronym or (chunk[:1].isupper() and chunk[1:] in {"++", "#"})


def _is_marked(chunk: str, name: str) -> bool:
    """Whether a chunk is an option's letter, a small numeral in brackets, `.NET` or `*.csv`.

    `A` and `I` alone are words.
    """
    if chunk[:2] == "*." or (chunk[:1] == "." and chunk[1:3].isupper()):
        return bool(name)
    if ")" in chunk and name and set(name) <= set("ivxlc"):
        return True
    if len(name) != 1 or not (name.isascii() and name.isalpha()):
        return False
    return ")" in chunk or (name.isupper() and name not in "AI" and chunk[:1] not in "'’.")


def _is_roman(name: str) -> bool:
    """Whether capitals are the one way to write a number in Roman numerals."""
    if len(name) < 2 or not set(name) <= set(_ROMAN):
        return False
    values = [_ROMAN[char] for char in name]
    signed = [-a if a < b else a for a, b in pairwise([*values, 0])]
    return _in_roman(sum(signed)) == name


def _in_roman(number: int) -> str:
    said = ""
    for value, numeral in _NUMERALS:
        count, number = divmod(number, value)
        said += numeral * count
    return said


def _is_unit(chunk: str) -> bool:
    return bool(chunk) and all(part.strip("°²³") in _UNITS for part in chunk.split("/"))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MARKS: Final = ".,;:!?()[]\"'“”‘’«»„‚`*…"
_QUOTED: Final = frozenset("\"'’`<>[]{}")
_ROMAN: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_NUMERALS: Final = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
    (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_NUMBERED: Final = _words(
    "ISBN ISBN-10 ISBN-13 ISSN DOI PMID RFC p pp fig Fig sec Sec eq Eq no No vol Vol ch Ch"
)
_PARTS: Final = _words(
    "Part Chapter Section Type Phase Class Volume Act Level Grade Stage War Step Table"
)
_OPTIONS: Final = _words("option answer choice sentence text statement passage label")
_CURRENCIES: Final = _words("EUR USD GBP CHF JPY CNY INR AUD CAD SEK BTC")
_UNITS: Final = _CURRENCIES | _words(
    "m km cm mm nm mi ft yd g kg mg lb lbs oz l ml dl cl L ha B b kB KB MB GB TB MiB GiB bps Hz"
    " kHz MHz GHz W kW kWh V mA kcal J kJ s ms min h hr hrs mph kn px pt dpi fps ppm percent pp"
    " mol bar Pa kPa hPa C F K d am pm AM PM a.m p.m"
)
_WEEKDAYS: Final = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_MONTHS: Final = _words(
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sept sep oct nov dec"
)
