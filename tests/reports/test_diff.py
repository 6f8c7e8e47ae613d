"""Word-level marks: what is shown as removed and added."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.diff import Mark, word_marks


def kinds(original: str, text: str) -> list[tuple[str, str]]:
    return [(mark.kind, mark.text) for mark in word_marks(original, text)]


def test_one_word_for_another() -> None:
    assert kinds("Judge the text.", "Judge the passage.") == [
        ("same", "Judge the "),
        ("removed", "text"),
        ("added", "passage"),
        ("same", "."),
    ]


def test_a_typo_has_its_letters_in_focus() -> None:
    marks = word_marks("the article", "the artqcle")
    assert marks[1:] == (
        Mark("removed", "article", ((3, 4),)),
        Mark("added", "artqcle", ((3, 4),)),
    )


def test_unlike_words_have_no_focus() -> None:
    assert all(not mark.focus for mark in word_marks("review", "sample"))


def test_words_of_a_run_of_equal_length_are_paired() -> None:
    assert [kind for kind, _ in kinds("read it now", "raed ti now")] == [
        "removed",
        "added",
        "same",
        "removed",
        "added",
        "same",
    ]


def test_an_added_sentence_is_one_mark() -> None:
    assert kinds("Classify.", "Classify. Be quick.") == [
        ("same", "Classify. "),
        ("added", "Be quick."),
    ]
    assert kinds("Classify.", "Please, now. Classify.") == [
        ("added", "Please, now."),
        ("same", " Classify."),
    ]


def test_an_added_space_at_the_end_is_marked() -> None:
    assert kinds("Classify.", "Classify. ")[-1] == ("added", "␣")


def test_changed_white_space_between_equal_words_is_marked() -> None:
    assert kinds("a b", "a  b") == [
        ("same", "a"),
        ("removed", "␣"),
        ("added", "␣␣"),
        ("same", "b"),
    ]


def test_a_foreign_letter_is_named_once() -> None:
    notes = [mark.note for mark in word_marks("decide here", "d\u0435cide h\u0435re")]
    assert [note for note in notes if note] == ["Cyrillic \u0435 U+0435"]


def test_equal_texts_have_no_marks_but_one() -> None:
    assert kinds("The same.", "The same.") == [("same", "The same.")]
    assert word_marks("", "") == ()


def test_a_huge_text_is_cut_and_says_so() -> None:
    marks = word_marks("word " * 100_000, "other " * 100_000)
    assert sum(len(mark.text) for mark in marks) < 20_000
    assert marks[-1].text.endswith("more characters)")


words = st.lists(st.sampled_from(["a", "be", "sea", "'x'", "no.", "\u200b", "\n"]), max_size=8)


@given(words, words)
def test_without_the_removed_marks_the_new_wording_is_left(old: list[str], new: list[str]) -> None:
    original, text = " ".join(old), " ".join(new)
    shown = "".join(mark.text for mark in word_marks(original, text) if mark.kind != "removed")
    kept = "".join(mark.text for mark in word_marks(original, text) if mark.kind != "added")
    assert shown.replace("␣", " ").split() == text.split()
    assert kept.replace("␣", " ").split() == original.split()
