"""Exact match after SQuAD's normalisation (Rajpurkar et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from harness.grading.grade import Grade, GraderOptions
from harness.grading.normalize import Language, normalize_answer


class Exact(GraderOptions):
    """1 where the text equals a reference but for case, articles, punctuation and spaces.

    Example:
        >>> Exact().grade("the Eiffel Tower.", ["Eiffel tower", "La Tour Eiffel"]).score
        1.0
    """

    name: Literal["exact"] = "exact"
    language: Language = "en"
    """`en`: the articles a, an, the do not count; `other`: every word counts."""

    binary: ClassVar[bool] = True

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """1 where any reference is the same text once normalised."""
        answer = normalize_answer(text, self.language)
        equal = any(answer == normalize_answer(one, self.language) for one in references)
        return Grade(float(equal), text.strip())
