"""The grader of a task: what is read out of a text first, then how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.errors import UnknownNameError
from harness.grading.answer_text import strip_reasoning
from harness.grading.extract import extract
from harness.grading.grade import UNPARSED, Grade, Grader
from harness.grading.plugin import FUNCTIONS, Plugin
from harness.grading.spec import GRADERS, AnswerSpec


def make_grader(spec: AnswerSpec) -> Grader:
    """The grader that a task's `answer:` asks for, ready to grade.

    Raises:
        UnknownNameError: no grader has that name.
        HarnessError: the grader's package or plug-in is missing.

    Example:
        >>> grader = make_grader(AnswerSpec.model_validate({"grader": "exact", "extract": "final"}))
        >>> grader.grade("<think>Rome?</think>The answer is Paris.", ["paris"])
        Grade(score=1.0, answer='Paris')
    """
    name = spec.grader.name
    if isinstance(spec.grader, Plugin) and name not in FUNCTIONS:
        raise UnknownNameError("grader", name, [*GRADERS, *FUNCTIONS.names()])
    spec.grader.prepare()
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
        """The grade of what is read; a text in which nothing is found is unparsed."""
        answer = read_answer(self.spec, text, references)
        return UNPARSED if answer is None else self.spec.grader.grade(answer, references)

    def problem(self, references: Sequence[str]) -> str | None:
        """Why no text can be graded against these references; None where it can."""
        return self.spec.grader.problem(references)


def read_answer(spec: AnswerSpec, text: str, references: Sequence[str]) -> str | None:
    """What is graded of a text; None where nothing is found.

    A blank text holds no answer, unless a reference is blank.
    """
    said = strip_reasoning(text) if spec.strip_reasoning else text
    answer = extract(said, spec.extract)
    blank_is_right = any(not reference.strip() for reference in references)
    return None if answer is None or not (answer.strip() or blank_is_right) else answer
