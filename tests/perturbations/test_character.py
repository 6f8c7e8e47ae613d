from __future__ import annotations

import json
import unicodedata
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UnknownNameError
from harness.core.records import StrengthName
from perturbations import Draft, Subject, find, perturb_text, select
from perturbations.resources import table
from perturbations.tokens import edit_budget, find_words, noise_budget, shuffle_words
from tests.support.paths import GOLDEN_FOLDER
from tests.support.texts import LABELS, TEXTS

GOLDEN = json.loads((GOLDEN_FOLDER / "character.json").read_text("utf-8"))
TEXT = (
    "You are given a careful review of some recent movie. Decide whether the writer enjoyed the "
    "film, and answer with 'positive' or 'negative', please."
)
ONE_LETTER = ("keyboard", "swap", "drop", "add", "repeat", "homoglyph", "invisible", "accent")
INNER = ("keyboard", "swap", "drop", "add", "repeat", "scramble", "invisible")


def drafted(name: str, text: str = TEXT, seed: int = 0) -> Draft:
    draft = perturb_text(text, find(name), seed, LABELS)
    assert draft is not None
    return draft


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['perturbation']}-{row['seed']}")
def test_golden_pairs(row: dict[str, object]) -> None:
    name, text, seed, labels = (row[k] for k in ("perturbation", "text", "seed", "label_words"))
    draft = perturb_text(text, find(name), seed, labels)  # type: ignore[arg-type]
    assert draft is not None
    assert draft.text == row["output"]


def test_every_perturbation_of_the_level_has_three_golden_pairs() -> None:
    for one in select(levels=["character"]).perturbations:
        assert sum(row["perturbation"] == one.name for row in GOLDEN) >= 3, one.name


@pytest.mark.parametrize("name", ONE_LETTER)
@pytest.mark.parametrize("seed", range(5))
def test_one_place_in_one_word_of_five_is_changed(name: str, seed: int) -> None:
    draft = drafted(name, seed=seed)
    assert len(draft.edits) == noise_budget(Subject(TEXT)) == 5
    assert all(len(edit.before) <= 2 and len(edit.after) <= 2 for edit in draft.edits)
    words = [word for word in find_words(TEXT) if touched(word.start, word.end, draft)]
    assert len(words) == 5


def touched(start: int, end: int, draft: Draft) -> bool:
    return any(edit.start < end and edit.end > start for edit in draft.edits) or any(
        edit.start == edit.end and start < edit.start < end for edit in draft.edits
    )


@pytest.mark.parametrize("name", INNER)
@settings(max_examples=25)
@given(text=TEXTS, seed=st.integers(0, 99))
def test_first_and_last_letters_stay(name: str, text: str, seed: int) -> None:
    draft = perturb_text(text, find(name), seed, LABELS)
    words = {(word.start, word.end) for word in find_words(text)}
    for edit in draft.edits if draft else ():
        # A letter doubled at the end may be said to stand before its twin or after it.
        end_of_edit = edit.end - 1 if edit.after == text[edit.end - 1 : edit.end] else edit.end
        assert any(start < edit.start and end_of_edit < end for start, end in words)


@pytest.mark.parametrize("count", [0, 1, 7, 11, 12, 20, 80])
def test_the_budget_grows_with_the_text(count: int) -> None:
    text = "word " * count
    assert edit_budget(Subject(text)) == max(1, round(count / 8))
    assert noise_budget(Subject(text)) == max(1, round(count / 5))


@pytest.mark.parametrize(("strength", "words"), [("low", 8), ("medium", 16), ("high", 28)])
def test_the_strength_says_how_many_words_change(strength: StrengthName, words: int) -> None:
    text = " ".join(["classification", "sentence", "review", "answer"] * 20)
    (keyboard,) = select(names=["keyboard"], strengths=(strength,)).perturbations
    draft = perturb_text(text, keyboard, 7)
    assert draft is not None
    changed = [(a, b) for a, b in zip(text.split(), draft.text.split(), strict=True) if a != b]
    assert abs(len(changed) - words) <= 1
    places = [sum(x != y for x, y in zip(a, b, strict=True)) for a, b in changed]
    assert max(places) == (2 if strength == "high" else 1)


def test_an_unknown_strength_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="strength 'strong'"):
        select(names=["keyboard"], strengths=("strong",))  # type: ignore[arg-type]


def test_the_parts_of_a_stack_share_its_strength() -> None:
    text = " ".join(["classification", "sentence", "review", "answer"] * 20)
    strong = select(stacks=["keyboard+politeness"], strengths=("high",)).perturbations[0]
    weak = select(stacks=["keyboard+politeness"], strengths=("low",)).perturbations[0]
    drafts = [perturb_text(text, one, 1) for one in (strong, weak)]
    assert [len(draft.edits) for draft in drafts if draft] == [30, 9]


def test_longer_content_words_tend_to_come_first() -> None:
    words = find_words("of the and sentiment classification")
    firsts = [shuffle_words(words, Random(seed))[0].text for seed in range(200)]
    assert sum(first in ("sentiment", "classification") for first in firsts) > 180
    assert {"sentiment", "classification"} <= set(firsts)


def test_keyboard_neighbours_are_mutual_and_keep_the_case() -> None:
    keys = table("keyboard")
    assert len(keys) == 26
    assert all(key in keys[near] for key in keys for near in keys[key])
    edits = drafted("keyboard", "CLASSIFY THE SENTENCE", seed=3).edits
    assert all(edit.after.isupper() for edit in edits)


def test_a_swap_keeps_the_letters() -> None:
    draft = drafted("swap")
    assert sorted(draft.text) == sorted(TEXT)
    assert all(edit.after == edit.before[::-1] for edit in draft.edits)


@pytest.mark.parametrize("name", ["scramble", "swap"])
def test_moved_letters_are_another_word(name: str) -> None:
    assert all(edit.before != edit.after for edit in drafted(name).edits)
    assert perturb_text("noon aaaaa", find(name), 0) is None


def test_homoglyphs_are_letters_of_other_scripts_but_like_looking() -> None:
    for letter, alike in table("homoglyphs").items():
        for other in alike:
            assert other != letter
            assert other.isalpha()
            assert not other.isascii()
            assert other.isupper() == letter.isupper()


def test_accents_are_the_letter_and_a_mark() -> None:
    for letter, accented in table("accents").items():
        assert all(unicodedata.normalize("NFD", one)[0] == letter for one in accented)


def test_invisible_characters_have_no_width() -> None:
    draft = drafted("invisible")
    inserted = {edit.after for edit in draft.edits}
    assert all(unicodedata.category(char) == "Cf" for char in inserted)
    assert "".join(char for char in draft.text if char not in inserted) == TEXT


def test_ocr_confusions_differ_in_form_only() -> None:
    for seen, read in table("ocr").items():
        assert seen not in read
        assert all(1 <= len(one) <= 2 for one in read)


@given(TEXTS)
def test_case_alone_changes_where_case_is_changed(text: str) -> None:
    for name, convert in (("lower-case", str.lower), ("upper-case", str.upper)):
        draft = perturb_text(text, find(name), 0, LABELS)
        if draft is not None:
            assert all(edit.after == convert(edit.before) for edit in draft.edits)


def test_capitals_leave_labels_quotations_and_placeholders_but_not_negations() -> None:
    text = "Do not say two words for {text}: 'Maybe' or positive."
    assert (
        drafted("upper-case", text).text == "DO NOT SAY TWO WORDS FOR {text}: 'Maybe' OR positive."
    )


@pytest.mark.parametrize("seed", range(10))
def test_spacing_changes_spaces_only(seed: int) -> None:
    draft = drafted("spacing", seed=seed)
    assert draft.text.replace(" ", "") == TEXT.replace(" ", "")
    assert len(draft.edits) == 3


@pytest.mark.parametrize("seed", range(10))
def test_dropped_marks_join_no_words(seed: int) -> None:
    text = "Rate it and/or say why (briefly): 3.5, e.g. like this; or don't! It's up to you."
    draft = drafted("punctuation-drop", text, seed)
    assert [edit.after for edit in draft.edits] == [""] * len(draft.edits)
    assert "and/or" in draft.text
    assert "3.5" in draft.text
    assert "It's" in draft.text
    assert len(draft.text.split()) == len(text.split())


def test_repeated_marks_follow_the_sentence_end_and_an_abbreviation_is_none() -> None:
    text = "Is it so? Say 'yes'. See e.g. 3.5 or www.x.org."
    repeated = "Is it so??? Say 'yes'... See e.g... 3.5 or www.x.org..."
    assert drafted("punctuation-repeat", text).text == repeated


@settings(max_examples=25)
@given(TEXTS, st.integers(0, 99))
def test_edits_are_sorted_and_disjoint(text: str, seed: int) -> None:
    for name in ("letter-case", "spacing", "punctuation-insert", "keyboard"):
        draft = perturb_text(text, find(name), seed, LABELS)
        if draft is not None:
            assert all(a.end <= b.start for a, b in pairwise(draft.edits))


def test_words_that_digits_or_underscores_touch_are_left() -> None:
    subject = Subject("sst2 x_ray 4you")
    assert find("keyboard").apply(subject, Random(0)) is None
