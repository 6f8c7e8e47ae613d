"""Numbers: a table of the ways in which they are written, and tolerances."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.grading.numbers import read_numbers
from tests.support.graders import grader

WRITTEN = {
    # separators
    "1,000.50": ["1000.50"],
    "1.000,50": ["1000.50"],
    "1,000": ["1000"],
    "1.000": ["1"],
    "1,000,000": ["1000000"],
    "1.000.000": ["1000000"],
    "1.234.567,89": ["1234567.89"],
    "1,00,000": ["100000"],
    "1,5": ["1.5"],
    "0,500": ["0.5"],
    "1234,567": ["1234.567"],
    "1,2,3": ["1", "2", "3"],
    "1.2.3": ["1", "2", "3"],
    "3.4,5.6": ["3.4", "5.6"],
    "1'000": ["1000"],
    "1_000_000": ["1000000"],
    "1\u202f234\u202f567": ["1234567"],
    "10 000": ["10000"],
    "1 250 000": ["1250000"],
    "100 200 300": ["100", "200", "300"],
    "{,} 5{,}000": ["5000"],
    # signs
    "-5": ["-5"],
    "\u22125": ["-5"],
    "\u20135": ["-5"],
    "+5": ["5"],
    "10-5": ["10", "5"],
    "10\u201320": ["10", "20"],
    "x = - 5": ["-5"],
    "- 5 apples": ["5"],
    "-$5": ["-5"],
    "$-5": ["-5"],
    "(-5)": ["-5"],
    # units
    "$5": ["5"],
    "\u20ac 12.50": ["12.50"],
    "12 %": ["12"],
    "5kg": ["5"],
    "25 m\u00b2": ["25"],
    "5th": ["5"],
    "H2O, x2": [],
    "COVID-19": ["19"],
    "\\$5\\%": ["5"],
    # fractions
    "3/4": ["0.75"],
    "1 3/4": ["1.75"],
    "\u00be": ["0.75"],
    "1\u00be": ["1.75"],
    "\\frac{3}{4}": ["0.75"],
    "-\\dfrac12": ["-0.5"],
    "3\u20444": ["0.75"],
    "3/4/2020": ["3", "4", "2020"],
    "1/0": [],
    # powers
    "1.5e3": ["1500"],
    "1.5E-3": ["0.0015"],
    "1.5 x 10^3": ["1500"],
    "1.5\u00d710\u207b\u00b3": ["0.0015"],
    "2 \\times 10^{3}": ["2000"],
    "10\u00b3": ["1000"],
    "2^10": ["1024"],
    "1e99999": [],
    # ends of sentences, marks
    "42.": ["42"],
    "42, or so": ["42"],
    "**42**": ["42"],
    ".5": ["0.5"],
    "1.": ["1"],
    "5!": ["5"],
    "#### 42": ["42"],
    # words
    "eleven": ["11"],
    "Twenty-one": ["21"],
    "one hundred and five": ["105"],
    "a hundred thousand": ["100000"],
    "two million three hundred thousand and six": ["2300006"],
    "minus seven": ["-7"],
    "one or two": ["1", "2"],
    "one two": ["1", "2"],
    "2 of the other one": ["2"],
    "1.5 million": ["1500000"],
    "seventy eleventh": ["70"],
    "none": [],
    # other scripts
    "\u0664\u0662": ["42"],
    "\uff14\uff12": ["42"],
    "\u7b54\u68485\u4e2a": ["5"],
    "\u0661\u066b\u0665": ["1.5"],
}


@pytest.mark.parametrize(("text", "values"), WRITTEN.items())
def test_numbers_are_read_by_value(text: str, values: list[str]) -> None:
    assert [number.value for number in read_numbers(text)] == [Decimal(value) for value in values]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.000", 1000), ("1,000", 1), ("1.000,5", 1000.5), ("1,5", 1.5), ("1.000.000", 1_000_000)],
)
def test_the_decimal_point_can_be_a_comma(text: str, value: float) -> None:
    (number,) = read_numbers(text, ",")
    assert number.value == Decimal(str(value))


GRADED = [
    # text, reference, score
    ("2 and 3 make 5", "5", 1),
    ("5, not 6", "5", 0),  # of two numbers the last counts
    ("The answer is 5, not 6.", "5", 1),
    ("The answer is 3 + 2 = 5.", "5", 1),
    ("\\boxed{x = 5} of 7", "5", 1),
    ("\\boxed{\\frac{1}{2}}", "0.5", 1),
    ("So 3 * 4 = 12.\n#### 12", "he has 3 * 4 = <<3*4=12>>12.\n#### 12", 1),
    ("#### 1,000", "1000", 1),
    ("1,000", "1", 0),
    ("1.0", "1", 1),
    ("$1,000.50", "1000.5", 1),
    ("1.000,50", "1000.5", 1),
    ("3/4", "0.75", 1),
    ("0.3333", "1/3", 0),
    ("2/6", "1/3", 1),
    ("12 %", "12", 1),
    ("12%", "0.12", 0),
    ("eleven", "11", 1),
    ("Eleven apples.", "11", 1),
    ("42.", "42", 1),
    ("42", "-42", 0),
    ("\u221242", "-42", 1),
    ("5 kg", "5", 1),
    ("5 kg", "5000 g", 0),  # units count for nothing
    ("1e3", "1000", 1),
    ("1.5 \u00d7 10^3", "1,500", 1),
    ("Answer: 7\nThat took 3 steps.", "7", 1),
    ("<answer>7</answer> in 3 steps", "7", 1),
    ("Answer: unknown. I counted 7.", "7", 1),
    ("0.1", "0.10", 1),
    ("-0", "0", 1),
    ("9" * 50, "9" * 50, 1),
    ("9" * 50, "9" * 49 + "8", 0),
]


@pytest.mark.parametrize(("text", "reference", "score"), GRADED)
def test_an_answer_is_right_by_the_value_of_its_number(
    text: str, reference: str, score: float
) -> None:
    grade = grader("numeric").grade(text, [reference])
    assert (grade.score, grade.answer is None) == (score, False)


@pytest.mark.parametrize("text", ["", "none", "x2", "no number here", "\0"])
def test_a_text_without_a_number_is_unparsed(text: str) -> None:
    grade = grader("numeric").grade(text, ["5"])
    assert (grade.score, grade.answer) == (0, None)


@pytest.mark.parametrize(
    ("options", "text", "score"),
    [
        ({"absolute": 0.5}, "10.5", 1),
        ({"absolute": 0.5}, "10.51", 0),
        ({"absolute": 0.1}, "9.9", 1),  # a double's 10 - 9.9 is above its 0.1
        ({"relative": 0.01}, "9.9", 1),
        ({"relative": 0.01}, "9.89", 0),
        ({"absolute": 1, "relative": 0.01}, "11", 1),  # the larger allowance
        ({"read": "first"}, "10 or 11", 1),
        ({"read": "last"}, "The answer is 10, not 11", 0),
        ({"percent": "hundredth"}, "1000 %", 1),
        ({"percent": "hundredth"}, "10 %", 0),
        ({"percent": "hundredth"}, "10", 1),
    ],
)
def test_options_of_numbers(options: dict[str, object], text: str, score: float) -> None:
    assert grader("numeric", **options).grade(text, ["10"]).score == score


def test_equal_numbers_are_one_answer() -> None:
    said = {grader("numeric").grade(text, ["1"]).answer for text in ("1,000", "1e3", "1000.0")}
    assert said == {"1000"}


def test_a_reference_without_a_number_is_a_problem() -> None:
    assert grader("numeric").problem(["5", "five", "many"]) == (
        "the reference 'many' holds no number"
    )


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
    )
)
def test_a_number_is_read_as_python_writes_it(value: Decimal) -> None:
    for text in (f"{value}", f"{value:,}", f"The answer is {value}.", f"about {value:,} kg"):
        grade = grader("numeric").grade(text, [str(value)])
        assert grade.score == 1, text
