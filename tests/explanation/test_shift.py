"""Words of a variant matched to the original's through the recorded edits."""

from __future__ import annotations

import pytest

from harness.core.records import Edit
from harness.explanation.shift import match_words
from harness.explanation.words import Region, find_words
from perturbations.diff import word_edits


def words_of(text: str) -> list[tuple[int, str]]:
    """A token for each character: every word is found."""
    tokens = [(at, at + 1) for at in range(len(text))]
    found = find_words(text, tokens, [Region(0, len(text), "instruction")])
    return [(word.offset, word.text) for word in found.words if word.part == "instruction"]


def fates(original: str, variant: str, edits: list[Edit]) -> dict[str, str]:
    found = match_words(words_of(original), words_of(variant), edits)
    return {text: match.fate for (_, text), match in zip(words_of(variant), found, strict=True)}


ORIGINAL = "Is the review good or bad? Say good or bad."


TAIL = " good or bad? Say good or bad."


@pytest.mark.parametrize(
    ("variant", "edit", "expected"),
    [
        ("Is teh review" + TAIL, Edit(3, 6, "the", "teh"), {"teh": "changed"}),
        ("Is the reviw" + TAIL, Edit(11, 12, "e", ""), {"reviw": "changed"}),
        ("Is the revie" + TAIL, Edit(12, 13, "w", ""), {"revie": "changed"}),
        ("Is the reviews" + TAIL, Edit(13, 13, "", "s"), {"reviews": "changed"}),
        ("So: Is the review" + TAIL, Edit(0, 0, "", "So: "), {"So": "inserted", ":": "inserted"}),
        ("Hm is the review" + TAIL, Edit(0, 1, "I", "Hm i"), {"Hm": "changed", "is": "changed"}),
        (ORIGINAL + " Now!", Edit(43, 43, "", " Now!"), {"Now": "inserted", "!": "inserted"}),
        ("Is review" + TAIL, Edit(3, 7, "the ", ""), {}),
    ],
)  # fmt: skip
def test_what_became_of_words(variant: str, edit: Edit, expected: dict[str, str]) -> None:
    found = fates(ORIGINAL, variant, [edit])
    assert {text: fate for text, fate in found.items() if fate != "kept"} == expected


def test_words_that_stand_twice_keep_their_own_place() -> None:
    variant = "Is the review fine or bad? Say good or bad."
    found = match_words(words_of(ORIGINAL), words_of(variant), word_edits(ORIGINAL, variant))
    kept = [match.original for match in found]
    assert kept == [0, 1, 2, None, *range(4, 12)]


def test_nothing_changed_nothing_moved() -> None:
    found = match_words(words_of(ORIGINAL), words_of(ORIGINAL), [])
    assert [match.original for match in found] == list(range(12))
