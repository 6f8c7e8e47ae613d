"""The grader of a task: what is read out of a text first, then how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.grading.grade import UNPARSED, Grade, Grader
from harness.grading.spec import AnswerSpec


def make_grader(spec: AnswerSpec) -> Grader:
    """The grader that a task's `answer:` asks for.

    Example:
        >>> grader = make_grader(AnswerSpec.model_validate({"grader": "exact"}))
        >>> grader.grade("Paris.", ["paris"]), grader.grade(" ", ["paris"])
        (Grade(score=1.0, answer='Paris.'), Grade(score=0.0, answer=None))
    """
    return _AnswerGrader(spec)


@dataclass(frozen=True, slots=True)
class _AnswerGrader:
    """Reads the answer out of a text and hands it to the grader that was named."""

    spec: AnswerSpec

    @property
    def name(self) -> str:
        return self.spec.grader.name

    @property
    def binary(self) -> bool:
        return self.spec.grader.binary

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The grade of what was read; a blank text is unparsed unless a reference is blank."""
        if not text.strip() and all(reference.strip() for reference in references):
            return UNPARSED
        return self.spec.grader.grade(text, references)

    def problem(self, references: Sequence[str]) -> str | None:
        """Why no text can be graded against these references; None where it can."""
        return self.spec.grader.problem(references)
