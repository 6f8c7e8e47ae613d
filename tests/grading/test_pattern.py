"""Patterns: one group, a time limit, and what they read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.core.errors import UsageError
from harness.grading.pattern import find_group
from tests.support.graders import grader, reader

VERDICT = r"(?i)verdict:?\s*\**(\w+)"
LETTER = r"\(?([A-D])\)"
YEAR = r"\b((?:19|20)\d\d)\b"

CASES = [
    # pattern, text, reference, score; None: unparsed
    (VERDICT, "Verdict: guilty", "guilty", 1),
    (VERDICT, "verdict guilty", "Guilty.", 1),
    (VERDICT, "Verdict: **Guilty**", "guilty", 1),
    (VERDICT, "Verdict: innocent", "guilty", 0),
    (VERDICT, "guilty", "guilty", None),
    (VERDICT, "", "guilty", None),
    (VERDICT, "Verdict: guilty", "Verdict: Guilty", 1),
    (VERDICT, "verdict:\nguilty", "guilty", 1),
    (VERDICT, "VERDICT: a", "the", 1),
    (LETTER, "(B) because", "B", 1),
    (LETTER, "B) because", "b", 1),
    (LETTER, "(B) or (C)", "B", 1),
    (LETTER, "(B) or (C)", "C", 0),
    (LETTER, "(E)", "E", None),
    (LETTER, "(E) or (D)", "D", 1),
    (LETTER, "(A)", "(A)", 1),
    (YEAR, "in 1999.", "1999", 1),
    (YEAR, "in 19990", "1999", None),
    (YEAR, "from 1999 to 2005", "1999", 1),
    (YEAR, "1850", "1850", None),
    (r"(.*)", "all of\nit", "all of", 1),
    (r"(?s)(.*)", "all of\nit", "all of it", 1),
    (r"x(y)?", "x", "y", None),
    (r"x(y)?", "xy", "y", 1),
    (r"(\d+) EUR", "12 EUR", "12", 1),
    (r"(\d+) EUR", "12 USD", "12", None),
    (r"(?P<said>\w+)$", "it is yes", "yes", 1),
    (r"^\s*(yes|no)\b", "  yes, sure", "yes", 1),
    (r"^\s*(yes|no)\b", "well, yes", "yes", None),
    (r"(?:a|b)(c)", "bc", "c", 1),
    (r"(\p{Lu}\w+)", "in \u00c4gypten", "\u00e4gypten", 1),
    (r"=> (.+)", "1 => x => y", "x => y", 1),
]


@pytest.mark.parametrize(("pattern", "text", "reference", "score"), CASES)
def test_a_group_is_compared_with_the_reference(
    pattern: str, text: str, reference: str, score: float | None
) -> None:
    grade = grader("regex", pattern=pattern).grade(text, [reference])
    assert (None if grade.answer is None else grade.score) == score


def test_the_last_match_can_count() -> None:
    assert grader("regex", pattern=LETTER, match="last").grade("(B) or (C)", ["C"]).score == 1
    assert reader({"regex": LETTER, "match": "last"}).grade("(B) or (C)", ["C"]).score == 1


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("answer", "has 0 groups, one was expected"),
        ("(a)(b)", "has 2 groups"),
        ("(a", "no regular expression"),
        ("", "at least 1 character"),
        ("(" * 3000, "no regular expression"),
        (r"((?:a|aa)+$)", "runs away"),
        ("(" + "x" * 20_000 + ")", "at most 10000"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        grader("regex", pattern=pattern)
    with pytest.raises(ValidationError, match=message):
        reader({"regex": pattern})


def test_a_pattern_that_runs_away_on_a_text_ends_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"ran longer than 2 seconds on a text of .* characters"):
        find_group(r"(?:q|qq)+$(x)?", "q" * 5000 + "!")
