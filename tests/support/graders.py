"""Graders for tests, as a task file names them."""

from __future__ import annotations

from harness.grading import AnswerSpec, Grader, make_grader


def grader(name: str, **options: object) -> Grader:
    """A grader with its options, alone: nothing is read out of the text first."""
    spec = {"grader": {"name": name, **options}, "strip_reasoning": False}
    return make_grader(AnswerSpec.model_validate(spec))


def reader(extract: object, name: str = "exact") -> Grader:
    """A grader behind a reading of the answer."""
    return make_grader(AnswerSpec.model_validate({"grader": name, "extract": extract}))
