"""Exact match, `contains` and token F1: values of SQuAD's scripts, worked out by hand.

The scripts are `evaluate-v1.1.py` and `evaluate-v2.0.py` of the data set; the comment beside a row
counts the tokens that normalisation leaves.
"""

from __future__ import annotations

import pytest

from tests.support.graders import grader

SQUAD = [
    # text, references, exact match, F1
    ("Paris", ["Paris"], 1, 1),
    ("paris.", ["Paris"], 1, 1),
    ("The Eiffel Tower", ["Eiffel tower"], 1, 1),
    ("an apple a day", ["apple day"], 1, 1),
    ("in Paris", ["Paris"], 0, 2 / 3),  # P 1/2, R 1
    ("in the city of Paris", ["Paris"], 0, 2 / 5),  # P 1/4, R 1: the article goes
    ("Paris", ["Paris, France"], 0, 2 / 3),  # P 1, R 1/2
    ("Paris, Texas", ["Paris, France"], 0, 1 / 2),
    ("France", ["Paris"], 0, 0),
    ("Paris Paris", ["Paris"], 0, 2 / 3),  # a repeated word counts once: P 1/2, R 1
    ("Paris Paris", ["Paris Paris Rome"], 0, 4 / 5),  # P 1, R 2/3
    ("1,000", ["1000"], 1, 1),
    ("1.5", ["15"], 1, 1),  # the script's own trap: the point is punctuation
    ("twenty-one", ["twentyone"], 1, 1),
    ("twenty-one", ["twenty one"], 0, 0),
    ("it's", ["its"], 1, 1),
    ("U.S.", ["US"], 1, 1),
    ("the the", ["a"], 1, 1),  # nothing is left of either: 1 in the script of 2.0
    ("the", ["Paris"], 0, 0),
    ("Denver Broncos", ["Denver Broncos", "The Denver Broncos!", "Broncos"], 1, 1),
    ("Broncos of Denver", ["Denver Broncos", "Broncos"], 0, 4 / 5),  # the best: P 2/3, R 1
    ("  Santa \t Clara\n", ["Santa Clara"], 1, 1),
    ("Santa Clara, California", ["Santa Clara"], 0, 4 / 5),
    ("Levi's Stadium in Santa Clara", ["Levi's Stadium"], 0, 4 / 7),  # P 2/5, R 1
    ("gold", ["golden"], 0, 0),
    ("theory", ["ory"], 0, 0),  # an article is a whole word
    ("an-swer", ["answer"], 1, 1),  # punctuation goes before articles do
    ("a b c d", ["b c x"], 0, 2 / 3),  # b c d against b c x: P 2/3, R 2/3
    ("(1905)", ["1905"], 1, 1),
    ("\u201cquoted\u201d", ["quoted"], 0, 0),  # only ASCII punctuation goes
    ("CAF\u00c9", ["caf\u00e9"], 1, 1),
    ("1 2 3 4", ["4 3 2 1"], 0, 1),  # F1 knows no order
]


@pytest.mark.parametrize(("text", "references", "exact", "f1"), SQUAD)
def test_exact_match_and_token_f1_are_those_of_squads_script(
    text: str, references: list[str], exact: float, f1: float
) -> None:
    assert grader("exact").grade(text, references).score == exact
    assert grader("token_f1").grade(text, references).score == pytest.approx(f1, abs=1e-12)


OTHER = [
    # text, references, exact match in "other", F1 there, F1 of its characters
    ("die Katze", ["Katze"], 0, 2 / 3, 2 / 3),
    ("la cas\u00e1", ["cas\u00e1"], 0, 2 / 3, 2 / 3),
    ("the cat", ["cat"], 0, 2 / 3, 2 / 3),
    ("\u00bfQu\u00e9?", ["qu\u00e9"], 1, 1, 1),
    ("\u5317\u4eac\u3002", ["\u5317\u4eac"], 1, 1, 1),
    ("\u5728\u5317\u4eac", ["\u5317\u4eac"], 0, 0, 4 / 5),
    ("\u201eBerlin\u201c", ["Berlin"], 1, 1, 1),
    ("2008\u5e74", ["2008"], 0, 0, 2 / 3),
]


@pytest.mark.parametrize(("text", "references", "exact", "words", "characters"), OTHER)
def test_other_languages_keep_articles_and_lose_all_punctuation(
    text: str, references: list[str], exact: float, words: float, characters: float
) -> None:
    by_word = grader("token_f1", language="other")
    by_character = grader("token_f1", language="other", tokens="characters")
    assert grader("exact", language="other").grade(text, references).score == exact
    assert by_word.grade(text, references).score == pytest.approx(words)
    assert by_character.grade(text, references).score == pytest.approx(characters)


CONTAINS = [
    ("Paris", ["Paris"], 1),
    ("It is Paris, I think.", ["Paris"], 1),
    ("It is paris", ["PARIS"], 1),
    ("Parisian", ["Paris"], 0),
    ("unparis", ["Paris"], 0),
    ("New York City", ["York City"], 1),
    ("New York, City", ["York City"], 1),
    ("New York State", ["York City"], 0),
    ("the end of the day", ["end of day"], 1),
    ("Rome or Paris", ["Milan", "Paris"], 1),
    ("Rome", ["Milan", "Paris"], 0),
    ("10", ["1"], 0),
    ("1 0", ["1"], 1),
    ("1,000 men", ["1000"], 1),
    ("no", ["not"], 0),
    ("", ["x"], 0),
    ("It is Paris.", ["paris."], 1),
    ("It is **Paris**!", ["Paris"], 1),
    ("(Paris)", ["Paris"], 1),
    ("Par is", ["Paris"], 0),
    ("Paris-Nord", ["Paris"], 0),  # punctuation goes, and the words join
    ("state-of-the-art", ["stateoftheart"], 1),
    ("the answer, a dog, is here", ["the dog"], 1),  # articles count on neither side
    ("New\n  York", ["New York"], 1),
    ("York New", ["New York"], 0),
    ("don't know", ["dont"], 1),
    ("the U.S. army", ["US"], 1),
    ("the us army", ["U.S."], 1),
    ("21", ["2", "1"], 0),
    ("2 or 1", ["3", "1"], 1),
    ("caf\u00e9 au lait", ["caf\u00e9"], 1),
    ("cafe au lait", ["caf\u00e9"], 0),
    ("\u00c9cole", ["\u00e9cole"], 1),
    ("yes and no", ["yes and no and yes"], 0),
]


@pytest.mark.parametrize(("text", "references", "score"), CONTAINS)
def test_contains_looks_for_whole_words(text: str, references: list[str], score: float) -> None:
    assert grader("contains").grade(text, references).score == score


def test_contains_finds_words_of_languages_without_spaces() -> None:
    text, reference = "\u6211\u5728\u5317\u4eac\u3002", "\u5317\u4eac"
    assert grader("contains").grade(text, [reference]).score == 0
    options = {"whole_words": False, "language": "other"}
    assert grader("contains", **options).grade(text, [reference]).score == 1


def test_a_reference_that_every_text_contains_is_a_problem() -> None:
    assert "'The'" in (grader("contains").problem(["x", "The"]) or "")
    assert grader("contains").problem(["x"]) is None
    assert grader("exact").problem([]) == "no reference"
