"""Sets of labels: what a text names, and the F1 of two sets."""

from __future__ import annotations

import pytest

from harness.grading import LabelSet

ASPECTS = LabelSet(labels={"food": "food", "price": "price", "place": "place"})


@pytest.mark.parametrize(
    ("text", "gold", "score"),
    [  # f1_score(average="samples", zero_division=1) of scikit-learn 1.9.1
        ("food", ["food", "price"], 0.6666666666666666),
        ("place", ["place"], 1.0),
        ("none", [], 1.0),
        ("price", ["food"], 0.0),
        ("Food, place.", ["food", "price", "place"], 0.8),
        ("food", [], 0.0),
        ("none", ["food"], 0.0),
    ],
)
def test_scores_are_those_of_scikit_learn(text: str, gold: list[str], score: float) -> None:
    assert ASPECTS.grade(text, gold).score == pytest.approx(score)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("food, price", "food, price"),
        ("PRICE and Food", "food, price"),
        ("- food\n- place", "food, place"),
        ('["price", "place"]', "price, place"),
        ("It is about the food, not the price.", "food"),
        ("Food. No place is named.", "food"),
        ("None of them", "none"),
        ("seafood prices", None),
        ("I cannot say.", None),
        ("", None),
        ("<think>price?</think>food", "food"),
    ],
)
def test_what_a_text_names(text: str, said: str | None) -> None:
    assert ASPECTS.grade(text, ["food"]).answer == said


def test_letters_and_little_words_count_as_items_alone() -> None:
    grader = LabelSet(labels={"A": "A", "B": "B", "no": "no"})
    assert grader.grade("A, B", ["A"]).answer == "A, B"
    assert grader.grade("A", ["A"]).answer == "A"
    assert grader.grade("A film that no one likes", ["A"]).answer is None


def test_the_longest_word_wins() -> None:
    grader = LabelSet(labels={"good": "good", "very": "very good"})
    assert grader.grade("very good", ["very"]).answer == "very"


def test_rows_say_labels_by_name_or_value_as_a_list_or_with_commas() -> None:
    grader = LabelSet(labels={"food": "food", "price": "price"}, values={"1": "food", "2": "price"})
    for references in (["food", "price"], ["food, price"], ["1", "2"], ["1;2"], ["price | food"]):
        assert grader.gold(references) == ("food", "price")
        assert grader.problem(references) is None
    assert grader.gold([]) == ()
    assert grader.problem([]) is None
    assert grader.problem(["food", "drink"]) == (
        "the label 'drink' is not among the labels (food, price)"
    )
