"""Exact match after SQuAD's normalisation (Rajpurkar et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from harness.grading.grade import Grade, GraderOptions
from harness.grading.normalize import Language, Normalization, normalize


class Exact(GraderOptions):
    """1 where the text equals a reference, by default but for case, articles, punctuation, spaces.

    Example:
        >>> Exact().grade("the Eiffel Tower.", ["Eiffel tower", "La Tour Eiffel"]).score
        1.0
    """

    name: Literal["exact"] = "exact"
    language: Language = "en"
    """`en`: the articles a, an, the do not count; `other`: every word counts."""

    normalize: Normalization = "squad"
    """What does not count: `squad` (case, articles, punctuation, spaces), `case`, or `none`."""

    binary: ClassVar[bool] = True

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """1 where any reference is the same text once normalised."""
        answer, *right = (
            normalize(one, self.normalize, self.language) for one in (text, *references)
        )
        equal = answer in right
        return Grade(float(equal), text.strip())
