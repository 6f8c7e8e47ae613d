"""Filters: which of a model's rewordings still ask for the same thing.

Length and placeholders are INSTRAUG's filters (Han et al. 2024, arXiv 2402.14492); it has none for
label words, meaning and near-duplicates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from perturbations import Similarity, find_protected
from perturbations.audit import protected_intact
from perturbations.base import Subject
from perturbations.labels import keeps_labels
from perturbations.parse import split
from perturbations.validity import char_distance, words_changed

_WORD: Final = re.compile(r"\w+")
_LEAD_IN: Final = re.compile(
    r"^(?:(?:sure|certainly|of course|here(?:'s| is| are))\b[^:\n]{0,80}:"
    r"|(?:paraphrased?|rewritten|rephrased|new|reworded)\b[^:\n]{0,40}:|instruction:)\s*",
    re.IGNORECASE,
)
# What a weak model answers instead of a rewording: the request for one.
_ABOUT_REWORDING: Final = re.compile(
    r"\b(?:rewrite|reword|rephrase|paraphrase|express)\b[^.:]*\b(?:instruction|request)\b"
    r"|\bmeaning must stay\b|\bexactly as written\b",
    re.IGNORECASE,
)
_BULLET: Final = re.compile(r"^(?:[-*•]|\(?\d{1,2}[.)])\s+")
_ENDS: Final = re.compile(r"[.?!]$")
# A question of yes or no, direct or not: which answer is which must not change.
_POLAR: Final = re.compile(
    r"^(?:is|are|was|were|do|does|did|can|could|would|will|should|must|has|have|may|might)\b"
    r"|\b(?:whether|if)\b",
    re.IGNORECASE,
)
# What small models invent: people who are asked or told, and grounds to decide on.
_ADDITION: Final = re.compile(
    r"\b(?:someone|somebody|anyone|person|people|users?|readers?|i|me|my|we|our|us|you|your"
    r"|based on|according to|different from|main|importan\w+|likely)\b",
    re.IGNORECASE,
)
_QUOTES: Final = {'"': '"', "“": "”", "«": "»"}


@dataclass(frozen=True, slots=True)
class Filters:
    """How strict the filters are."""

    longest: float = 2.0
    """A paraphrase has fewer words than so many times the original's."""
    min_similarity: float = 0.65
    """Smallest cosine with the original, for a part as for the whole; unused without an encoder."""
    max_kept: float = 0.65
    """Largest share of the original's words that may stand in the paraphrase in the same order."""
    nearest: float = 0.1
    """Texts that differ in a smaller share of their characters are near-duplicates."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A rewording and why it was rejected, if it was."""

    text: str
    rejected: str | None = None
    similarity: float | None = None


def judge(
    answer: str,
    original: str,
    *,
    label_words: Sequence[str],
    known: Iterable[str] = (),
    filters: Filters | None = None,
    similarity: Similarity | None = None,
) -> Judged:
    """The rewording in a model's answer, and the first filter that rejects it.

    `known` are texts that it must not repeat, the original's other paraphrases among them.
    """
    filters = filters or Filters()
    text = read_answer(answer)
    reason = _reject_form(text, original, label_words, filters)
    if reason is None and any(_is_near(text, o, filters.nearest) for o in (original, *known)):
        reason = "near-duplicate"
    if reason is None and 1 - words_changed(original, text) > filters.max_kept:
        reason = "too many words kept"
    if reason is None and not protected_intact(original, text, label_words):
        reason = "number, negation or quotation lost"
    if reason is not None or similarity is None:
        return Judged(text, reason)
    cosine = similarity(original, text)
    return Judged(text, "another meaning" if cosine < filters.min_similarity else None, cosine)


def judge_part(
    answer: str,
    part: str,
    *,
    label_words: Sequence[str],
    known: Iterable[str] = (),
    filters: Filters | None = None,
    similarity: Similarity | None = None,
) -> Judged:
    """The rewording of a part without protected spans, and the first filter that rejects it.

    It must bring no label word, number, negation, quotation or placeholder with it, and must still
    be a request or a question.
    """
    filters = filters or Filters()
    text = read_answer(answer)
    reason = _reject_form(text, part, label_words, filters) or _reject_part(text, part, label_words)
    if reason is None and any(_is_near(text, o, filters.nearest) for o in (part, *known)):
        reason = "near-duplicate"
    if reason is None and 1 - words_changed(part, text) > filters.max_kept:
        reason = "too many words kept"
    if reason is not None or similarity is None:
        return Judged(text, reason)
    cosine = similarity(part, text)
    return Judged(text, "another meaning" if cosine < filters.min_similarity else None, cosine)


def _reject_part(text: str, part: str, label_words: Sequence[str]) -> str | None:
    words = tuple(label_words)
    if find_protected(text, words):
        return "label word, number, negation or quotation added"
    if not _ENDS.search(text):
        return "not a whole sentence"
    sentences = split(Subject(text, (), words))
    if len(sentences) != 1 or sentences[0].kind not in ("command", "question"):
        return "no request"
    asks_if, asked_if = (bool(_POLAR.search(one)) for one in (text, part))
    if asks_if != asked_if:
        return "yes-no question made or lost"
    if _ADDITION.search(text) and not _ADDITION.search(part):
        return "person or condition added"
    return "word repeated" if _is_repetitive(text, part) else None


def _is_repetitive(text: str, part: str) -> bool:
    """Whether a long word stands there more often than in the part, and more than once."""
    said, before = (
        Counter(w for w in _WORD.findall(t.casefold()) if len(w) > 3) for t in (text, part)
    )
    return any(count > max(1, before[word]) for word, count in said.items())


def read_answer(answer: str) -> str:
    """The instruction in an answer, without lead-in, bullet, quotation marks and what follows."""
    lines = [line.strip() for line in answer.strip().splitlines()]
    while lines and (not lines[0] or (lines[0].endswith(":") and len(lines) > 1)):
        lines.pop(0)
    text = _BULLET.sub("", lines[0]) if lines else ""
    text = _LEAD_IN.sub("", text).strip()
    closing = _QUOTES.get(text[:1])
    if closing and text.endswith(closing) and len(text) > 1:
        text = text[1:-1].strip()
    return " ".join(text.split())


def placeholders(text: str) -> Counter[str]:
    """The placeholders of a text, such as {premise}, and how often each stands there."""
    return Counter(
        text[span.start : span.end] for span in find_protected(text) if span.reason == "placeholder"
    )


def _reject_form(
    text: str, original: str, label_words: Sequence[str], filters: Filters
) -> str | None:
    words, own = len(_WORD.findall(text)), len(_WORD.findall(original))
    if words == 0:
        return "empty"
    if words >= filters.longest * max(1, own):
        return "too long"
    if _ABOUT_REWORDING.search(text) and not _ABOUT_REWORDING.search(original):
        return "meta-instruction repeated"
    if placeholders(text) != placeholders(original):
        return "placeholder lost or added"
    if not keeps_labels(original, text, label_words):
        return "label word lost"
    return None


def _is_near(text: str, other: str, nearest: float) -> bool:
    left, right = (" ".join(_WORD.findall(one.casefold())) for one in (text, other))
    return char_distance(left, right) <= nearest * max(len(left), len(right))
