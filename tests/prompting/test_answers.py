"""One reader of answers: a table of answers as models write them, and its rules one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.grading.answer_text import clean_answer, fold_writing, strip_reasoning
from harness.prompting.answer_context import final_before
from harness.prompting.answers import LabelParser
from tests.support.answer_table import ANSWERS

SENTIMENT = LabelParser({"pos": "positive", "neg": "negative"})
EQUIVALENCE = LabelParser({"no": "not equivalent", "yes": "equivalent"})
STARS = LabelParser({name: name for name in ("1", "2", "10")})


@pytest.mark.parametrize(
    ("words", "text", "wanted"),
    [(words, text, wanted) for words, rows in ANSWERS.items() for text, wanted in rows],
)
def test_an_answer_is_read_as_a_person_reads_it(
    words: tuple[str, ...], text: str, wanted: str | None
) -> None:
    assert LabelParser({word: word for word in words}).parse(text) == wanted


def test_the_table_is_large_and_free_of_repeats() -> None:
    rows = [(words, text) for words, answers in ANSWERS.items() for text, _ in answers]
    assert len(rows) == len(set(rows)) >= 300


def test_names_of_labels_are_returned_and_words_are_read() -> None:
    assert SENTIMENT.parse("negative") == "neg"
    assert SENTIMENT.parse("neg") is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a<think>b</think>c", "a\nc"),
        ("b</think>c", "c"),
        ("a<think>b", "a"),
        ("<think>a<think>b</think>c", "c"),
        ("x<|im_end|>y", "x"),
        ("<|im_start|>x", " x"),
    ],
)
def test_reasoning_and_later_turns_are_left_out(text: str, left: str) -> None:
    assert strip_reasoning(text).strip() == left.strip()


@given(st.text())
def test_folded_text_keeps_its_length_in_lower_case(text: str) -> None:
    folded = fold_writing(text)
    assert len(folded.lower()) == len(folded)


@given(st.text(alphabet="positve ngaNO.,?*_<>\n\"'{}:#-0 1", max_size=60))
def test_any_text_is_read_or_unparsed(text: str) -> None:
    assert SENTIMENT.parse(text) in ("pos", "neg", None)
    assert STARS.parse(text) in ("1", "2", "10", None)
    assert clean_answer(text) == clean_answer(clean_answer(text)) or "*" in text or "_" in text


@pytest.mark.parametrize("piece", [" ", "- ", "\t", "> ", "# ", "**a", "<think>", "[", "__a "])
def test_a_megabyte_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))  # hours, where the time grows with its square
    assert SENTIMENT.parse(f"positive\n{text}") == "pos"


def test_a_decision_waits_for_the_end_of_the_word() -> None:
    assert not SENTIMENT.is_decided("positive")
    assert not SENTIMENT.is_decided("positive,")
    assert SENTIMENT.is_decided("positive.")
    assert SENTIMENT.is_decided("**Positive**\n")
    growing = LabelParser({"a": "not", "b": "not equivalent"})
    assert not growing.is_decided("not equi")
    assert growing.is_decided("not.")


def test_a_decision_waits_for_the_end_of_the_number() -> None:
    assert not STARS.is_decided("1")
    assert not STARS.is_decided("1.")
    assert not STARS.is_decided("1.5\n")
    assert STARS.is_decided("1\n")


def test_reasoning_decides_nothing() -> None:
    assert not SENTIMENT.is_decided("<think>positive.\n")


@given(
    st.text(max_size=20),
    st.text(alphabet=st.characters(exclude_characters="<>[]◁\\#"), max_size=20),
)
def test_a_decided_text_keeps_its_label_whatever_follows(start: str, more: str) -> None:
    for parser in (SENTIMENT, EQUIVALENCE, STARS):
        for word in ("", "positive", "not equivalent", "equivalent", "1"):
            text = word + start
            if parser.is_decided(text):
                assert parser.parse(text) == parser.parse(text + more)


def test_ten_thousand_labels_are_read() -> None:
    parser = LabelParser({f"l{n}": f"topic {n}" for n in range(10_000)})
    assert parser.parse("The answer is topic 777.") == "l777"
    assert parser.parse("topic 77777") is None


@pytest.mark.parametrize(
    ("repeated", "wanted"),
    [("1 ", "1"), ("**1** ", "1"), ("not 1. ", None), ('{"a": 1,', "1"), ("from 1 to ", "1")],
)
def test_what_a_looping_model_writes_is_judged_once(repeated: str, wanted: str | None) -> None:
    final_before.cache_clear()
    assert STARS.parse(repeated * 50_000) == wanted
    assert final_before.cache_info().misses < 500


def test_the_beginning_and_the_end_of_a_long_answer_are_read() -> None:
    talk = "Some people like long films. " * 5_000
    assert SENTIMENT.parse(f"positive\n{talk}") == "pos"
    assert SENTIMENT.parse(f"{talk}\nThe answer is negative.") == "neg"
    assert SENTIMENT.parse(f"<think>{talk}</think>negative") == "neg"
