"""What is read out of a text before it is graded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.grading import AnswerSpec, make_grader
from harness.grading.extract import extract
from harness.grading.final_answer import final_answer
from tests.support.graders import reader

FINAL = {
    "Paris": "Paris",
    "The answer is Paris.": "Paris",
    "The answer is **Paris**.": "Paris",
    'The final answer is "Paris".': "Paris",
    "The correct answer is therefore Paris": "Paris",
    "The answer to the question is 7.": "7",
    "So the answer is: Paris. It is the capital.": "Paris",
    "I first thought the answer is Rome. But the answer is Paris.": "Paris",
    "Answer: Paris\nExplanation: it is the capital.": "Paris",
    "**Answer:** Paris": "Paris",
    "**Answer**: Paris": "Paris",
    "### Final Answer\nAnswer:\n\nParis\n": "Paris",
    "Final answer (in km): 30 km. Done.": "30 km",
    "Answer = 3": "3",
    "The answer is Dr. Smith. He is known.": "Dr. Smith",
    "The answer is J. K. Rowling.": "J. K. Rowling",
    "The answer is U.S.": "U.S.",
    "2 + 2 = 4\n#### 4": "4",
    "#### 1,234": "1,234",
    "\\boxed{42}": "42",
    "\\boxed{\\frac{3}{4}} is it": "\\frac{3}{4}",
    "The answer is \\boxed{\\text{Paris}}.": "Paris",
    "$\\boxed{1}$ then $\\boxed{2}$": "2",
    "\\boxed{5": "5",
    "<answer>Paris</answer> I hope": "Paris",
    "<answer>\nParis\n": "Paris",
    "The answer is $5$": "5",
    "Die Antwort lautet Berlin.": "Berlin",
    "La r\u00e9ponse est Paris.": "Paris",
    "La respuesta es Madrid.": "Madrid",
    "\u7b54\u6848\u662f\uff1a\u5317\u4eac\u3002": "\u5317\u4eac",
    "\u7b54\u3048\u306f\u6771\u4eac\u3067\u3059\u3002": "\u6771\u4eac\u3067\u3059",
    "\uc815\ub2f5\uc740 5": "5",
    "\u0627\u0644\u062c\u0648\u0627\u0628 \u0647\u0648 5": "5",
    "\u041e\u0442\u0432\u0435\u0442: 5": "5",
    "Let me think.\n\nParis.\n": "Paris",
    "Final answer:": None,
    "": None,
    " \n ": None,
}


@pytest.mark.parametrize(("text", "answer"), FINAL.items())
def test_the_final_answer(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5 and 7 make 12.", "12"),
        ("about 1,000.50 EUR", "1,000.50"),
        ("it is \u22123", "-3"),
        ("12 %", "12 %"),
        ("eleven", "eleven"),
        ("none", None),
    ],
)
def test_the_last_number_as_it_is_written(text: str, number: str | None) -> None:
    assert extract(text, "last_number") == number


def test_what_cannot_be_read_is_unparsed() -> None:
    for extraction in ("final", "last_number", {"regex": "<(.)>"}):
        grade = reader(extraction).grade("Final answer: ", ["x"])
        assert (grade.score, grade.answer) == (0, None)


def test_a_blank_text_is_unparsed_unless_the_reference_is_blank() -> None:
    assert reader("none").grade(" \n", ["x"]).answer is None
    assert reader("none").grade(" \n", [""]).score == 1


@pytest.mark.parametrize(
    "text",
    [
        "<think>Rome? No.</think>Paris",
        "Rome?</think>\nParis",
        "Paris<|im_end|>Rome",
        "Paris<think>or Rome",
    ],
)
def test_reasoning_is_left_out_unless_it_is_to_stay(text: str) -> None:
    assert reader("none").grade(text, ["Paris"]).score == 1
    kept = {"grader": "exact", "strip_reasoning": False}
    assert make_grader(AnswerSpec.model_validate(kept)).grade(text, ["Paris"]).score == 0


def test_a_text_that_is_all_reasoning_is_unparsed() -> None:
    assert reader("none").grade("<think>Paris", ["Paris"]).answer is None


@given(st.text(max_size=300) | st.text(alphabet="answer is:#{}\\boxed<>/\n. *", max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    answer = final_answer(text)
    assert answer is None or answer.strip() == answer != ""
