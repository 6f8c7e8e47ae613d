"""Exact match and `contains`, against SQuAD's script by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.grading import AnswerSpec, Grade, Grader, make_grader, reference_texts


def grader(name: str, **options: object) -> Grader:
    return make_grader(AnswerSpec.model_validate({"grader": {"name": name, **options}}))


def test_a_bare_name_is_a_grader_with_its_defaults() -> None:
    assert AnswerSpec.model_validate({"grader": "exact"}) == AnswerSpec.model_validate(
        {"grader": {"name": "exact", "language": "en"}}
    )


@pytest.mark.parametrize("wrong", ["exakt", {"name": "exact", "langage": "en"}, {}, 3, None])
def test_what_is_no_grader_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        AnswerSpec.model_validate({"grader": wrong})


def test_a_blank_text_is_unparsed_unless_the_reference_is_blank() -> None:
    assert grader("exact").grade(" \n", ["x"]) == Grade(0.0, None)
    assert grader("exact").grade(" \n", [""]).score == 1


def test_references_of_a_row() -> None:
    assert reference_texts("a") == ("a",)
    assert reference_texts([1, 2.5, {"a": [1]}]) == ("1", "2.5", '{"a": [1]}')
    assert reference_texts([]) == ()
