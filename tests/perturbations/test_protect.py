from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given

from perturbations import Span, find_protected
from perturbations.protect import merge_spans
from tests.support.texts import LABELS, TEXTS


def found(text: str, *labels: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.reason) for span in find_protected(text, labels)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Say positive.", [("positive", "label word")]),
        ("Say Positive or POSITIVE.", [("Positive", "label word"), ("POSITIVE", "label word")]),
        ("a _positive_ word", [("positive", "label word")]),
        (
            "positively, nonpositive, positives, positive2",
            [
                ("positively", "label word"),
                ("positives", "label word"),
                ("positive2", "identifier"),
            ],
        ),
        ("Say 'positive'!", [("'positive'", "label word")]),
        ("Say “positive”!", [("“positive”", "label word")]),
        ("non-positive", [("positive", "label word")]),
    ],
)
def test_label_words_are_found_as_whole_words_in_any_case(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text, "positive") == expected


def test_a_label_word_that_holds_another_is_protected_as_a_whole() -> None:
    labels = ("entailment", "not_entailment")
    assert found("Say not_entailment.", *labels) == [("not_entailment", "label word")]


def test_a_label_of_two_words_is_found_across_a_line_break() -> None:
    assert found("Is it very\ngood?", "very good") == [("very\ngood", "label word")]


@pytest.mark.parametrize("label", ["+", "c++", "(a)", "n/a", ".*", "a|b", "\\d"])
def test_label_words_are_taken_literally(label: str) -> None:
    assert (label, "label word") in found(f"choose {label} or else", label)


def test_empty_label_words_protect_nothing() -> None:
    assert found("plain words", "", "  ") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Read {text}.", "{text}"),
        ("Read {{ row['a'] }}.", "{{ row['a'] }}"),
        ("Read {% if a %}.", "{% if a %}"),
        ("Read {} now", "{}"),
        ("Read <review> now", "<review>"),
        ("Read [MASK] now", "[MASK]"),
    ],
)
def test_placeholders(text: str, expected: str) -> None:
    assert found(text) == [(expected, "placeholder")]


def test_a_placeholder_in_quotation_marks_is_found_beside_empty_strings() -> None:
    text = 'Set {{ a | default("", 1) }}. He asked "{{ question }}" and said "{{ answer }}" to it.'
    strings = [string for string, _ in found(text)]
    assert strings == ['{{ a | default("", 1) }}', '"{{ question }}"', '"{{ answer }}"']


@pytest.mark.parametrize(
    "word",
    [
        *("not", "no", "No", "never", "neither", "nor", "none", "nobody", "nothing", "without"),
        *("cannot", "don't", "don’t", "won't", "isn't", "dont", "cant", "no one", "unless"),
    ],
)
def test_negations(word: str) -> None:
    assert found(f"I say {word} again") == [(word, "negation")]


@pytest.mark.parametrize("word", ["note", "know", "another", "nonetheless", "knot", "cannon"])
def test_words_that_hold_a_negation_are_none(word: str) -> None:
    assert found(f"I say {word} again") == []


@pytest.mark.parametrize(
    "number", ["3", "3.5", "1,000", "50%", "2nd", "10:30", "-4", "two", "Twelve", "first"]
)
def test_numbers(number: str) -> None:
    assert found(f"about {number} of them") == [(number, "number")]


@pytest.mark.parametrize("url", ["https://x.org/a?b=1", "www.x.org/a", "me@x-y.org"])
def test_urls_end_before_the_full_stop(url: str) -> None:
    assert found(f"See {url}.") == [(url, "URL")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Say "well said" now', ['"well said"']),
        ("Say 'it's fine' now", ["'it's fine'"]),
        ("Say ‘well’ or `maybe`", ["‘well’", "`maybe`"]),
        ("Say 'a' or 'b'.", ["'a'", "'b'"]),
        ("the writers' and the reader's view", []),
        ("the readers' 'view'", ["'view'"]),
        ('5" of rain', ["5"]),
    ],
)
def test_quotations(text: str, expected: list[str]) -> None:
    assert [string for string, _ in found(text)] == expected


def test_overlapping_spans_become_one_named_after_the_weightier_reason() -> None:
    assert found("Say 'not positive'.", "positive") == [("'not positive'", "label word")]
    spans = [Span(3, 6, "quotation"), Span(0, 4, "negation"), Span(6, 7, "number")]
    assert merge_spans(spans) == (Span(0, 6, "quotation"), Span(6, 7, "number"))


@given(TEXTS)
def test_spans_are_sorted_disjoint_and_not_empty(text: str) -> None:
    spans = find_protected(text, LABELS)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize(
    "piece",
    [
        "'a",
        '"',
        "{",
        "{{",
        "{%",
        "<a",
        "a",
        "a@",
        "1.",
        "very ",
        "`",
        "|",
        "|-\n",
        "\\[",
        "$a",
        "1a.",
    ],
)
def test_hostile_repetition_costs_no_quadratic_time(piece: str) -> None:
    start = time.process_time()
    find_protected(piece * 30_000, LABELS)
    assert time.process_time() - start < 2
