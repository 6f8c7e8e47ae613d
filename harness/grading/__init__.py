"""Graders: from free text and its references to a score in [0, 1].

A grader is one file, and its options in the task file are the grader. `spec` is what a task file
may say, `make` puts the reading of the answer in front of the grader, `references` reads a row's
answer field.
"""

from harness.grading.grade import Grade, Grader
from harness.grading.judge import Judge, Judged, JudgeModel
from harness.grading.label_set import LabelSet
from harness.grading.load import load_graders
from harness.grading.make import make_grader, read_answer
from harness.grading.references import reference_texts
from harness.grading.self_agreement import JudgeAgreement, judge_agreement
from harness.grading.spec import AnswerSpec

__all__ = [
    "AnswerSpec",
    "Grade",
    "Grader",
    "Judge",
    "JudgeAgreement",
    "JudgeModel",
    "Judged",
    "LabelSet",
    "judge_agreement",
    "load_graders",
    "make_grader",
    "read_answer",
    "reference_texts",
]
