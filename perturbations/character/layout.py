"""Character level, layout: letter case, white space and punctuation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from harness.core.records import Edit
from perturbations.base import Apply, Draft, Perturbation, Subject
from perturbations.diff import draft_by
from perturbations.protected_patterns import NEGATION, NUMBER
from perturbations.tokens import edit_budget, free_words, is_protected, neighbours, overlaps

# A mark at the edge of a word, so that leaving it out joins no two words (`and/or`, `3.5`).
_MARK: Final = re.compile(r"(?:(?<=\s)|^)[(\[]|[.,;:!?)\]](?=\s|$)")
_SENTENCE_END: Final = re.compile(r"(?<=[\w'\"”’) ])[.!?](?=\s|$)")
_GAP: Final = re.compile(r"(?<=\S) (?=\S)")
_BEFORE_MARK: Final = re.compile(r"(?<=\w)(?=[.,;:!?](?:\s|$))")
_INSERTED_MARKS: Final = ".;?:!,"
_FLIPPED: Final = 0.1


def _recase(convert: Callable[[str], str]) -> Apply:
    """Converts every word. A negation or a number is the same in capitals, so it goes along."""

    def apply(subject: Subject, _: Random) -> Draft | None:
        fixed = [span for span in subject.protected if span.reason not in (NEGATION, NUMBER)]
        words = free_words(replace(subject, protected=tuple(fixed)))
        edits = [Edit(word.start, word.end, word.text, convert(word.text)) for word in words]
        return draft_by(subject.text, edits)

    return apply


def _flip_case(subject: Subject, rng: Random) -> Draft | None:
    places = [
        place
        for word in free_words(subject)
        for place in range(word.start, word.end)
        if subject.text[place].swapcase() != subject.text[place]
    ]
    if not places:
        return None
    flipped = rng.sample(places, max(1, round(_FLIPPED * len(places))))
    chars = [(place, subject.text[place]) for place in flipped]
    return draft_by(subject.text, [Edit(at, at + 1, char, char.swapcase()) for at, char in chars])


def _disturb_spaces(subject: Subject, rng: Random) -> Draft | None:
    """Doubles spaces, leaves out those after a mark, or puts one before a mark."""
    text, edits = subject.text, []
    for gap in _GAP.finditer(text):
        if not is_protected(gap.start(), gap.end(), subject.protected):
            omit = text[gap.start() - 1] in ",;:" and rng.random() < 0.5
            edits.append(Edit(gap.start(), gap.end(), " ", "" if omit else "  "))
    for mark in _BEFORE_MARK.finditer(text):
        if not is_protected(mark.start(), mark.end(), subject.protected):
            edits.append(Edit(mark.start(), mark.end(), "", " "))
    return draft_by(text, rng.sample(edits, min(len(edits), edit_budget(subject))))


def _drop_marks(subject: Subject, rng: Random) -> Draft | None:
    marks = _free_matches(_MARK, subject)
    dropped = rng.sample(marks, (len(marks) + 1) // 2)
    return draft_by(subject.text, [Edit(m.start(), m.end(), m.group(), "") for m in dropped])


def _insert_marks(subject: Subject, rng: Random) -> Draft | None:
    starts = [b.start for _, b in neighbours(subject)]
    chosen = rng.sample(starts, min(len(starts), edit_budget(subject)))
    edits = [Edit(at, at, "", f"{rng.choice(_INSERTED_MARKS)} ") for at in chosen]
    return draft_by(subject.text, edits)


def _repeat_marks(subject: Subject, _: Random) -> Draft | None:
    ends = _free_matches(_SENTENCE_END, subject)
    edits = [Edit(m.end(), m.end(), "", m.group() * 2) for m in ends]
    return draft_by(subject.text, edits)


def _free_matches(pattern: re.Pattern[str], subject: Subject) -> list[re.Match[str]]:
    """The matches outside protected spans; they may touch one."""
    return [
        match
        for match in pattern.finditer(subject.text)
        if not overlaps(match.start(), match.end(), subject.protected)
    ]


LETTER_CASE: Final = Perturbation(
    name="letter-case",
    level="character",
    description="Letters here and there change case (Moradi and Samwald 2021).",
    apply=_flip_case,
    amount="1 letter in 10",
    languages=("any",),
)

LOWER_CASE: Final = Perturbation(
    name="lower-case",
    level="character",
    description="Everything in lower case (Liang et al. 2022, HELM).",
    apply=_recase(str.lower),
    amount="every capital",
    languages=("any",),
)

UPPER_CASE: Final = Perturbation(
    name="upper-case",
    level="character",
    description="Everything in capitals (Wang et al. 2021, TextFlint).",
    apply=_recase(str.upper),
    amount="every letter",
    languages=("any",),
)

SPACING: Final = Perturbation(
    name="spacing",
    level="character",
    description="Doubled spaces, and spaces missing or added at marks (Liang et al. 2022, HELM).",
    apply=_disturb_spaces,
    amount="1 space for each 8 words, at least 1",
    languages=("any",),
    graded=True,
)

PUNCTUATION_DROP: Final = Perturbation(
    name="punctuation-drop",
    level="character",
    description="Punctuation marks are left out (Ribeiro et al. 2020, CheckList).",
    apply=_drop_marks,
    amount="half of the marks",
    languages=("any",),
)

PUNCTUATION_INSERT: Final = Perturbation(
    name="punctuation-insert",
    level="character",
    description="Punctuation marks are put between words (Karimi et al. 2021, AEDA).",
    apply=_insert_marks,
    amount="1 mark for each 8 words, at least 1",
    languages=("any",),
    graded=True,
)

PUNCTUATION_REPEAT: Final = Perturbation(
    name="punctuation-repeat",
    level="character",
    description="Sentences end in repeated marks, such as '???' (Wang et al. 2021, TextFlint).",
    apply=_repeat_marks,
    amount="every sentence end",
    languages=("any",),
)
