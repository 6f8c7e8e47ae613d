"""What tasks of the three kinds must refuse, each by the exact line that a user reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.core.errors import UsageError
from harness.grading.regex_group import RegexGroup
from harness.tasks import Task
from harness.tasks.load import build_task
from tests.support.kinds import answer_task, choice_task


def load(content: dict[str, Any]) -> Task:
    return build_task(parse_task(content), Path("mine.yaml"), data_dir=None)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        act()
    return f"{caught.value.message} {caught.value.hint or ''}".strip()


def rows_with(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first, second, *rest = content["source"]["rows"]
    return {**content, "source": {"rows": [first, {**second, **changes}, *rest]}}


def graded_by(grader: object, **changes: Any) -> dict[str, Any]:
    return {**answer_task(), "answer": {**answer_task()["answer"], "grader": grader, **changes}}


def talk(*roles: str) -> dict[str, Any]:
    rows = [{"talk": [{"role": role, "content": "x"} for role in roles], "label": "yes"}]
    return {
        "name": "desk", "messages": "talk", "labels": ["yes", "no"],
        "instructions": ["Say 'yes' or 'no'."], "source": {"rows": rows},
    }  # fmt: skip


LINES: list[tuple[dict[str, Any], str]] = [
    (
        {**choice_task(), "labels": ["yes", "no"]},
        "the task 'city': a task has one kind of answer, and labels and choices are given; keep "
        "one.",
    ),
    (
        rows_with(answer_task(), answer=None),
        "mine.yaml: row 2 has no reference in the field 'answer'. Every row needs one; `answer: "
        "{field: NAME}` says where it stands.",
    ),
    (
        graded_by({"name": "json_schema", "schema": {"type": "objekt"}}),
        "the task 'free': no JSON Schema: 'objekt' is not valid under any of the given schemas at "
        "$.type at 'answer.grader.schema'.",
    ),
    (
        graded_by({"name": "regex", "pattern": "[A-Z]+"}),
        "the task 'free': '[A-Z]+' has 0 groups, one was expected: put (…) around the answer, and "
        "write other groups as (?:…) at 'answer.grader.pattern'.",
    ),
    (
        graded_by("exact", extract={"regex": "[A-Z]+"}),
        "the task 'free': '[A-Z]+' has 0 groups, one was expected: put (…) around the answer, and "
        "write other groups as (?:…) at 'answer.extract.regex'.",
    ),
    (
        graded_by("exact", extract="finale"),
        "the task 'free': Input should be 'none', 'final' or 'last_number' at 'answer.extract'.",
    ),
    (
        graded_by({"name": "regex", "pattern": "(a|aa)+$"}),
        "the task 'free': '(a|aa)+$' runs away on repeated characters: repeats within repeats, "
        "such as (a+)+, cause this: write one repeat at 'answer.grader.pattern'.",
    ),
    (
        rows_with(choice_task(), choices=["Rome"], answer="A"),
        "mine.yaml: row 2 has 1 option, where two are the fewest, in the field 'choices'.",
    ),
    (
        rows_with(choice_task(), choices=["Rome", "Oslo"], answer="Paris"),
        "mine.yaml: row 2 has the gold 'Paris', which is none of the options A: Rome; B: Oslo.",
    ),
    (
        rows_with(choice_task(), choices=[f"c{n}" for n in range(27)], answer=0),
        "mine.yaml: row 2 has 27 options, and letters end at Z, the 26th, in the field 'choices'.",
    ),
    (
        talk("assistant", "user"),
        "mine.yaml: row 1 begins with the assistant, where the user was expected.",
    ),
    (
        talk("user", "assistant"),
        "mine.yaml: row 1 ends with the assistant, so nothing is asked; the user must speak last.",
    ),
]
"""What stands in a task file or its rows, and the line that a user reads. A judge that cannot be
loaded and repeats without a temperature show when a run begins: tests/evaluation."""


@pytest.mark.parametrize(("content", "line"), LINES)
def test_each_is_refused_by_its_line(content: dict[str, Any], line: str) -> None:
    assert refusal(lambda: load(content)) == line


def test_a_pattern_that_runs_away_on_one_text_ends_the_run_by_its_line() -> None:
    """It passes on repeated characters, and meets its text only when a model says it."""
    grader = RegexGroup(pattern=r"x(y|yy)+z")
    said = "x" + "y" * 2000
    assert refusal(lambda: grader.grade(said, ["y"])) == (
        "the regular expression 'x(y|yy)+z' ran longer than 2 seconds on a text of 2,001 "
        "characters. Repeats within repeats, such as (a+)+, cause this: write one repeat."
    )
