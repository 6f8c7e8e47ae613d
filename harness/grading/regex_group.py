"""A part of the text, found by a regular expression, compared with the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from harness.grading.grade import UNPARSED, Grade, GraderOptions
from harness.grading.normalize import Language, normalize_answer
from harness.grading.pattern import GroupPattern, Occurrence, find_group


class RegexGroup(GraderOptions):
    """1 where what a pattern's one group holds equals a reference, once both are normalised.

    A text that the pattern does not match is unparsed. Of a reference that the pattern matches the
    group is right too, so that references may be whole answers.

    Example:
        >>> RegexGroup(pattern="verdict: ([A-Za-z]+)").grade("My verdict: Guilty.", ["guilty"])
        Grade(score=1.0, answer='Guilty')
    """

    name: Literal["regex"] = "regex"
    pattern: GroupPattern
    """A regular expression with exactly one group, which holds the answer."""
    match: Occurrence = "first"
    """Which of several matches counts: `first` or `last`."""
    language: Language = "en"
    """`en`: the articles a, an, the do not count; `other`: every word counts."""

    binary: ClassVar[bool] = True

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """1 where the group equals any reference."""
        held = find_group(self.pattern, text, self.match)
        if held is None:
            return UNPARSED
        answer = normalize_answer(held, self.language)
        right = any(answer in self._expected(reference) for reference in references)
        return Grade(float(right), held.strip())

    def _expected(self, reference: str) -> tuple[str, ...]:
        held = find_group(self.pattern, reference, self.match)
        forms = [reference] if held is None else [reference, held]
        return tuple(normalize_answer(form, self.language) for form in forms)
