from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perturbations import Draft, measure
from perturbations.audit import protected_intact
from perturbations.diff import draft_of
from perturbations.validity import char_distance, words_changed
from tests.support.texts import LABELS, TEXTS

SHORT = st.text(alphabet="ab c", max_size=12)


def levenshtein(a: str, b: str) -> int:
    """The textbook's table (Wagner and Fischer 1974)."""
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            least = min(row[j] + 1, row[j - 1] + 1, diagonal + (char != other))
            diagonal, row[j] = row[j], least
    return row[-1]


def common(a: list[str], b: list[str]) -> int:
    row = [0] * (len(b) + 1)
    for item in a:
        diagonal = 0
        for j, other in enumerate(b, 1):
            best = diagonal + 1 if item == other else max(row[j], row[j - 1])
            diagonal, row[j] = row[j], best
    return row[-1]


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)],
)
def test_char_distance_of_known_pairs(a: str, b: str, distance: int) -> None:
    assert char_distance(a, b) == distance


@given(SHORT, SHORT)
def test_char_distance_is_levenshteins(a: str, b: str) -> None:
    assert char_distance(a, b) == levenshtein(a, b)


@given(st.text(max_size=90), st.text(max_size=90))
def test_char_distance_beyond_a_machine_word_and_ascii(a: str, b: str) -> None:
    assert char_distance(a, b) == levenshtein(a, b) == char_distance(b, a)


@given(st.lists(st.sampled_from("abcd"), min_size=1), st.lists(st.sampled_from("abcd")))
def test_words_changed_is_one_minus_the_common_subsequence(a: list[str], b: list[str]) -> None:
    expected = 1 - common(a, b) / len(a)
    assert words_changed(" ".join(a), " ".join(b)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("original", "text", "share"),
    [
        ("one two three four", "one two three four", 0.0),
        ("one two three four", "one too three four", 0.25),
        ("one two three four", "Please: one two three four!", 0.0),
        ("one two three four", "two one three four", 0.25),
        ("one two", "", 1.0),
        ("don't go", "don't stop", 0.5),
        ("...", "...", 0.0),
        ("...", "!", 1.0),
    ],
)
def test_words_changed_of_known_pairs(original: str, text: str, share: float) -> None:
    assert words_changed(original, text) == share


@pytest.mark.parametrize(
    ("original", "text", "intact"),
    [
        ("Say positive or negative.", "Tell me positive or negative.", True),
        ("Say positive or negative.", "Say postive or negative.", False),
        ("Say positive or negative.", "Say Xpositive or negative.", False),
        ("Say positive or negative.", "Say  positive  or negative.", True),
        ("Say positive or negative.", "Is it negative? Or positive?", True),
        ("Say positive or negative.", "Is it bad? Or positive?", False),
        ("Say 'positive' or 'negative'.", 'Choose "positive" or "negative".', True),
        ("It is positive if positive.", "It is positive if postive.", False),
        ("It is positive if positive.", "Positive one, positive.", True),
        ("Say positive or negative.", "Positive or negative?", True),
        ("Say positive or negative.", "Say posiTive or negative.", False),
        ("Do not explain.", "Don't explain.", True),
        ("Do not explain.", "Do explain.", False),
        ("Do not explain.", "Never say why.", True),
        ("Use 2 words.", "Use 3 words.", False),
        ("Use 2 words.", "Use 12 words.", False),
        ("Use one word.", "USE ONE WORD.", True),
        ("Read sst2.", "Read sst3.", False),
        ("Fill {a} in.", "Fill in {a}.", True),
        ("Fill {a} in.", "Fill in {b}.", False),
    ],
)
def test_protected_intact(original: str, text: str, intact: bool) -> None:
    assert protected_intact(original, text, ("positive", "negative")) is intact


def test_measure_asks_an_injected_encoder_only_where_there_is_one() -> None:
    draft = draft_of("a b", "a c")
    assert draft is not None
    assert measure("a b", draft, ()).similarity is None
    seen: list[tuple[str, str]] = []

    def similarity(original: str, text: str) -> float:
        seen.append((original, text))
        return 0.75

    validity = measure("a b", draft, (), similarity)
    assert validity.similarity == 0.75
    assert seen == [("a b", "a c")]
    assert (validity.words_changed, validity.char_distance) == (0.5, 1)


@given(TEXTS)
def test_what_is_not_changed_is_intact(text: str) -> None:
    validity = measure(text, Draft(text, ()), LABELS)
    assert (validity.words_changed, validity.char_distance) == (0.0, 0)
    assert validity.protected_intact
