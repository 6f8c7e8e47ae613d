"""Whether a reference stands in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from harness.grading.grade import Grade, GraderOptions
from harness.grading.normalize import Language, Normalization, normalize


class Contains(GraderOptions):
    """1 where the normalised text holds a normalised reference as whole words.

    A lenient exact match for models that answer in sentences; a text that lists every candidate is
    right by it too, so an instruction that asks for the answer alone belongs beside it.

    Example:
        >>> Contains().grade("It was built in Paris, of course.", ["Paris"]).score
        1.0
        >>> Contains().grade("Unparisian", ["Paris"]).score
        0.0
    """

    name: Literal["contains"] = "contains"
    language: Language = "en"
    """`en`: the articles a, an, the do not count; `other`: every word counts."""
    normalize: Normalization = "squad"
    """What does not count: `squad` (case, articles, punctuation, spaces), `case`, or `none`."""
    whole_words: bool = True
    """Whether the reference must begin and end where words do; false for Chinese, Thai and other
    languages that put no spaces between words."""

    binary: ClassVar[bool] = True

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """1 where any reference stands in the text."""
        answer = normalize(text, self.normalize, self.language)
        held = any(
            self._stands(normalize(one, self.normalize, self.language), answer)
            for one in references
        )
        return Grade(float(held), text.strip())

    def problem(self, references: Sequence[str]) -> str | None:
        """A reference of which normalisation leaves nothing stands in every text."""
        empty = [one for one in references if not normalize(one, self.normalize, self.language)]
        if empty:
            return f"the reference {empty[0]!r} is empty once normalised, so every text contains it"
        return super().problem(references)

    def _stands(self, reference: str, answer: str) -> bool:
        if not self.whole_words:
            return reference in answer
        if self.normalize == "squad":
            return f" {reference} " in f" {answer} "
        return re.search(rf"(?<!\w){re.escape(reference)}(?!\w)", answer) is not None
