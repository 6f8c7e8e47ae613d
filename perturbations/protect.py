"""Finds what a perturbation must leave as it is: a changed label word would be another task."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from perturbations.base import Span

# Lengths are bounded, here and below, so that a stray mark neither protects half a text nor costs
# quadratic time.
_PLACEHOLDER: Final = re.compile(
    r"\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|\{[^{}\n]*\}|</?[A-Za-z][\w-]*/?>|\[[A-Z][A-Z_]*\]",
    re.DOTALL,
)
_URL: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
_NEGATION: Final = re.compile(
    r"(?<![^\W_])(?:no[ -]one|not|no|never|neither|nor|none|nobody|nothing|nowhere|without|cannot"
    r"|unless|except|[a-z]+n['’]t|(?:do|does|did|is|are|was|were|ca|wo|has|have|could|should|would)nt)"
    r"(?![^\W_])",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"[+-]?\d+(?:[.,:/]\d+)*(?:%|st\b|nd\b|rd\b|th\b)?|(?<![^\W_])(?:zero|one|two|three|four|five|six"
    r"|seven|eight|nine|ten|eleven|twelve|hundred|thousand|million|first|second|third|fourth|fifth)"
    r"(?![^\W_])",
    re.IGNORECASE,
)
# An apostrophe between letters neither opens nor closes a quotation.
_QUOTATION: Final = re.compile(
    r"\"[^\"\n]{1,200}\"|“[^”\n]{1,200}”|«[^»\n]{1,200}»|`[^`\n]{1,200}`"
    r"|(?<!\w)'(?!\s)(?:[^'\n]|(?<=\w)'(?=\w)){1,200}?(?<!\s)'(?!\w)"
    r"|(?<!\w)‘(?!\s)(?:[^’\n]|(?<=\w)’(?=\w)){1,200}?(?<!\s)’(?!\w)"
)

LABEL: Final = "label word"
NEGATION: Final = "negation"
NUMBER: Final = "number"
# In order of weight: where spans of two kinds overlap, the whole is named after the first.
_PATTERNS: Final = (
    ("placeholder", _PLACEHOLDER),
    ("URL", _URL),
    (NEGATION, _NEGATION),
    (NUMBER, _NUMBER),
    ("quotation", _QUOTATION),
)
_WEIGHT: Final = {LABEL: 0} | {reason: rank for rank, (reason, _) in enumerate(_PATTERNS, 1)}


def find_protected(text: str, label_words: Sequence[str] = ()) -> tuple[Span, ...]:
    """The spans of `text` that must not change, sorted, disjoint, overlapping ones merged.

    These are the label words (whole words, in any case), placeholders, URLs, negations, numbers
    and quotations.
    """
    found = [
        Span(match.start(), match.end(), reason)
        for reason, pattern in _PATTERNS
        for match in pattern.finditer(text)
    ]
    labels = _label_pattern(tuple(label_words))
    if labels is not None:
        found += [Span(match.start(), match.end(), LABEL) for match in labels.finditer(text)]
    return merge_spans(found)


def merge_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same characters as sorted, disjoint spans; overlapping ones become one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        last = merged[-1] if merged else None
        if last is not None and span.start < last.end:
            reason = min(last.reason, span.reason, key=lambda name: _WEIGHT.get(name, 99))
            merged[-1] = Span(last.start, max(last.end, span.end), reason)
        else:
            merged.append(span)
    return tuple(merged)


@lru_cache(maxsize=256)
def _label_pattern(label_words: tuple[str, ...]) -> re.Pattern[str] | None:
    words = sorted({" ".join(word.split()) for word in label_words} - {""}, key=len, reverse=True)
    if not words:
        return None
    return re.compile("|".join(whole_word(word) for word in words), re.IGNORECASE)


def whole_word(word: str) -> str:
    """A regular expression for `word` that no letter or digit may touch; any space fits a space.

    An underscore is no part of a word here, so that `_positive_` holds the word `positive`.
    """
    before = r"(?<![^\W_])" if word[0].isalnum() else ""
    after = r"(?![^\W_])" if word[-1].isalnum() else ""
    return before + r"\s+".join(re.escape(part) for part in word.split()) + after
