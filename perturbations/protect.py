"""Finds what a perturbation must leave as it is: a changed label word would be another task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from harness.core.records import Edit
from perturbations.base import Draft, Span
from perturbations.label_patterns import label_pattern, whole_word
from perturbations.protected_patterns import LABEL, NEGATION, NUMBER, PATTERNS

_WEIGHT: Final = {LABEL: 0} | {reason: rank for rank, (reason, _) in enumerate(PATTERNS, 1)}
_QUOTES: Final = "\"'`“”‘’«» "
_BRACE: Final = re.compile(r"[{}]|\"(?:[^\"\\\n]|\\.){0,400}\"")
_LONGEST_BLOCK: Final = 20_000


def find_protected(text: str, label_words: Sequence[str] = ()) -> tuple[Span, ...]:
    """The spans of `text` that must not change, sorted, disjoint, overlapping ones merged.

    These are the label words (in any case, with an ending, in scripts without spaces also within
    a run of letters), code, tables, formulas, front matter, placeholders, markup, URLs, names of
    files and hosts, paths, flags, quotations, negations, numbers with their units, dates, and names
    that are no words (`GPT-4`, `N/A`, `(b)`, `Part IV`).

    Args:
        text: The instruction.
        label_words: What the task's answers are called.

    Returns:
        The spans, each with its reason: `label word`, `code`, `placeholder`, `URL`, `path`,
        `flag`, `quotation`, `negation`, `identifier` or `number`.

    Example:
        >>> text = "Say 'yes' in 2 words."
        >>> [text[span.start : span.end] for span in find_protected(text)]
        ["'yes'", '2']
    """
    return _find(text, tuple(label_words))


@lru_cache(maxsize=64)
def _find(text: str, label_words: tuple[str, ...]) -> tuple[Span, ...]:
    found = [
        Span(match.start(), match.end(), reason)
        for reason, pattern in PATTERNS
        for match in pattern.finditer(text)
    ]
    found += [Span(start, end, "placeholder") for start, end in _braced(text)]
    labels = label_pattern(label_words)
    if labels is not None:
        found += [Span(match.start(), match.end(), LABEL) for match in labels.finditer(text)]
    return merge_spans(found)


def merge_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same characters as sorted, disjoint spans; overlapping ones become one.

    The whole is named after the reason that allows least: a quotation that holds a number is a
    quotation, so that nothing in it changes its case.
    """
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        last = merged[-1] if merged else None
        if last is not None and span.start < last.end:
            reason = min(last.reason, span.reason, key=lambda name: _WEIGHT.get(name, 99))
            merged[-1] = Span(last.start, max(last.end, span.end), reason)
        else:
            merged.append(span)
    return tuple(merged)


def keeps_protected(original: str, draft: Draft, protected: Sequence[Span]) -> bool:
    """Whether every protected string still stands in the draft, by its edits.

    A span that no edit touches does. Of the equal strings that edits touch, one at least must
    stand in the draft as a whole word, beside the untouched ones: a sentence may be rebuilt
    around its label words. Of a negation, any negation will do. Rules ask this before they offer
    a draft; what is recorded of a variant is decided by `perturbations.audit` instead.
    """
    touched = Counter(
        _key(original[span.start : span.end], span.reason)
        for span in protected
        if any(_touches(edit, span) for edit in draft.edits)
    )
    return all(
        _occurrences(key, draft.text) > _occurrences(key, original) - count
        for key, count in touched.items()
    )


def _braced(text: str) -> Iterator[tuple[int, int]]:
    """Every pair of braces that belong together: a placeholder, a template's tag, an object."""
    opened: list[int] = []
    match = _BRACE.search(text)
    while match:
        mark, end = match.group(), match.end()
        if mark == "{":
            opened.append(match.start())
        elif mark == "}" and opened:
            start = opened.pop()
            if end - start <= _LONGEST_BLOCK:
                yield start, end
        # Braces in a string of an object are text; in a quotation of the prose they are not.
        elif mark[0] == '"' and not opened:
            end = match.start() + 1
        match = _BRACE.search(text, end)


def _touches(edit: Edit, span: Span) -> bool:
    return edit.start <= span.end and edit.end >= span.start


def _key(protected: str, reason: str) -> str:
    """What to look for in its place: a regular expression, or that any negation will do."""
    if reason == NEGATION:
        return NEGATION
    if reason == NUMBER:
        # It may touch letters (`sst2`), so only a digit next to it makes it another number.
        return rf"(?i:(?<!\d){re.escape(protected)}(?!\d))"
    # A capital at the head of a sentence is no damage; any other change of case is.
    word = protected.strip(_QUOTES) or protected
    return f"{whole_word(word)}|{whole_word(word[0].swapcase() + word[1:])}"


def _occurrences(key: str, text: str) -> int:
    if key == NEGATION:
        return sum(span.reason == NEGATION for span in find_protected(text))
    return len(re.findall(key, text))
