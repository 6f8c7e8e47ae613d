"""Of every grader: scores are in [0, 1], a reference is right for itself, no text raises."""

from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.grading import Grader, reference_texts
from harness.grading.spec import GRADERS, AnswerSpec
from tests.support.graders import grader, reader

OPTIONS: Final[dict[str, list[dict[str, object]]]] = {
    "exact": [{}, {"language": "other"}],
    "contains": [{}, {"whole_words": False}],
    "token_f1": [{}, {"language": "other", "tokens": "characters"}],
    "numeric": [{}, {"decimal": ",", "percent": "hundredth"}, {"read": "first", "relative": 0.1}],
    "regex": [{"pattern": r"(\w+)"}, {"pattern": r"(?s)(.*)", "match": "last"}],
    "json_fields": [{}, {"types": "loose", "lists": "set", "extra": "wrong"}],
    "json_schema": [{"schema": {}}, {"schema": {"type": "object"}}],
    "bleu": [{}, {"tokenize": "char"}],
    "chrf": [{}, {"word_order": 2}],
    "rouge": [{}, {"variant": "rouge2"}],
    "label_set": [{"labels": {"the": "the", "12": "12"}}],
}
CASES: Final = [(name, options) for name, all_ in OPTIONS.items() for options in all_]
TEXT: Final = st.text(max_size=80) | st.text(alphabet='the 12,.-/%{}":[]#$\\x^e\n', max_size=80)


def test_every_shipped_grader_is_tried() -> None:
    assert set(OPTIONS) == set(GRADERS) - {"judge"}  # which needs a model to ask


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_score_is_in_range(name: str, options: dict[str, object]) -> None:
    graded = grader(name, **options)

    @settings(deadline=None, max_examples=60)
    @given(TEXT, st.lists(TEXT, max_size=3))
    def check(text: str, references: list[str]) -> None:
        grade = graded.grade(text, references)
        assert 0 <= grade.score <= 1
        assert grade.answer is not None or grade.score == 0
        if graded.binary:
            assert grade.score in (0, 1)

    check()


NUMBERS: Final = st.builds(
    "{}{}{}".format, st.sampled_from(["", "$", "-", "about "]), st.integers(0, 10**7), TEXT
)
OBJECTS: Final = st.dictionaries(TEXT, st.none() | st.integers() | TEXT, min_size=1).map(json.dumps)
WORDS = st.lists(st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True), min_size=2, max_size=6)
LATIN = st.tuples(st.text(max_size=20), WORDS, st.text(max_size=20)).map(
    lambda parts: " ".join([parts[0], *parts[1], parts[2]])
)
"""What ROUGE can count, among what it cannot; most texts of any letters are not that."""
REFERENCES: Final = {
    "numeric": NUMBERS,
    "json_fields": OBJECTS,
    "json_schema": OBJECTS,
    "rouge": LATIN,
    "label_set": st.sampled_from(["the", "12", "the, 12", "12 | the; the"]),
}


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_reference_is_right_for_itself(name: str, options: dict[str, object]) -> None:
    graded = grader(name, **options)

    @settings(deadline=None, max_examples=60)
    @given(REFERENCES.get(name, st.text(max_size=60) | st.just("two words")))
    def check(reference: str) -> None:
        assume(graded.problem([reference]) is None)
        grade = graded.grade(reference, [reference])
        assert grade.score == (grade.answer is not None)

    check()


HOSTILE: Final = {
    "long": "word " * 20_000,
    "one word": "a" * 100_000,
    "digits": "9" * 100_000,
    "separators": "1," * 50_000,
    "spaces": " " * 100_000,
    "lines": "\n" * 100_000,
    "half characters": "\ud800\udfff" * 1000,
    "nul": "\0" * 1000,
    "braces": "{" * 100_000,
    "nested": '{"a":' * 20_000,
    "arrays": "[" * 100_000,
    "boxes": "\\boxed{" * 14_000,
    "answers": "answer is " * 10_000,
    "marks": "#### " * 20_000,
    "tags": "<answer>" * 12_000,
    "thoughts": "<think>" * 14_000,
    "fences": "```\n" * 25_000,
    "combining": "a" + "\u0301" * 50_000,
    "fractions": "1/" * 50_000,
    "number words": "one hundred " * 8_000,
    "quotes": '"' * 100_000,
    "backslashes": "\\" * 100_000,
}
REFERENCE: Final = {"json_fields": '{"a": 1}', "numeric": "5"}


def _grade(graded: Grader, text: str, reference: str) -> None:
    assert 0 <= graded.grade(text, [reference]).score <= 1


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_stops_a_grader(kind: str) -> None:
    for name, options in CASES:
        _grade(grader(name, **options), HOSTILE[kind], REFERENCE.get(name, "a b"))


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("extraction", ["none", "final", "last_number", {"regex": r"is (\w+)"}])
def test_no_text_stops_a_reading(kind: str, extraction: object) -> None:
    _grade(reader(extraction), HOSTILE[kind], "x")


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"name": "exact", "langage": "en"}, "no option 'langage'. Did you mean 'language'"),
        ({"name": "exact", "language": "de"}, "'en' or 'other'"),
        ({"name": "numeric", "absolute": -1}, "greater than or equal to 0"),
        ({"name": "numeric", "absolute": float("nan")}, "finite number"),
        ({}, "needs a name"),
        (3, "is a name, or a mapping"),
        (None, "is a name, or a mapping"),
        ("", "needs a name"),
    ],
)
def test_what_is_no_grader_is_refused(given_: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AnswerSpec.model_validate({"grader": given_})


def test_a_bare_name_is_a_grader_with_its_defaults() -> None:
    assert AnswerSpec.model_validate({"grader": "exact"}) == AnswerSpec.model_validate(
        {"grader": {"name": "exact", "language": "en"}}
    )


def test_the_options_of_every_grader_stand_in_the_schema_of_a_task_file() -> None:
    schema = json.dumps(AnswerSpec.model_json_schema())
    for name in GRADERS:
        assert f'"const": "{name}"' in schema


def test_references_of_a_row() -> None:
    assert reference_texts("a") == ("a",)
    assert reference_texts([1, 2.5, {"a": [1]}]) == ("1", "2.5", '{"a": [1]}')
    assert reference_texts([]) == reference_texts(None) == ()
