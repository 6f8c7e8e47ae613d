from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.records import Edit
from perturbations.diff import draft_by, draft_of, replay, word_edits
from tests.support.texts import TEXTS


@given(TEXTS, TEXTS)
def test_edits_replay(original: str, text: str) -> None:
    assert replay(original, word_edits(original, text)) == text


@given(st.lists(st.sampled_from(["a", "b ", "\n", "it's", "."]), max_size=12).map("".join), TEXTS)
def test_before_is_what_stands_in_the_original(original: str, text: str) -> None:
    for edit in word_edits(original, text):
        assert original[edit.start : edit.end] == edit.before


@pytest.mark.parametrize(
    ("original", "text", "edits"),
    [
        ("Say yes or no.", "Say yes or no.", ()),
        ("Say yes or no.", "Write yes or no.", (Edit(0, 3, "Say", "Write"),)),
        ("Say yes.", "Please say yes.", (Edit(0, 3, "Say", "Please say"),)),
        ("Say it. Now.", "Say it.", (Edit(7, 12, " Now.", ""),)),
    ],
)
def test_edits_are_whole_words_and_minimal(
    original: str, text: str, edits: tuple[Edit, ...]
) -> None:
    assert word_edits(original, text) == edits


def test_an_unchanged_text_is_no_draft() -> None:
    assert draft_of("same", "same") is None
    assert draft_by("same", [Edit(0, 4, "same", "same")]) is None


def test_edits_may_come_in_any_order() -> None:
    draft = draft_by("a b c", [Edit(4, 5, "c", "z"), Edit(0, 1, "a", "x")])
    assert draft is not None
    assert draft.text == "x b z"
    assert [edit.start for edit in draft.edits] == [0, 4]
