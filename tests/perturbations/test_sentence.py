from __future__ import annotations

import json
import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perturbations import find, find_protected
from perturbations.audit import protected_intact
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import replay
from perturbations.resources import table
from perturbations.sentence import level as sentence
from tests.support.paths import GOLDEN_FOLDER
from tests.support.shipped import Shipped, shipped_instructions
from tests.support.texts import LABELS, TEXTS

GOLDEN = json.loads((GOLDEN_FOLDER / "sentence.json").read_text("utf-8"))
NAMES = [one.name for one in vars(sentence).values() if isinstance(one, Perturbation)]
FRAMES = ["politeness", "urgency", "encouragement", "persona"]
ADDITIONS = [*FRAMES, "checklist-random", "checklist-handle", "checklist-url"]
ADDITIONS += ["irrelevant-before", "irrelevant-after", "irrelevant-between", "tautology"]


def subject_of(text: str, label_words: tuple[str, ...] = LABELS) -> Subject:
    return Subject(text, find_protected(text, label_words), label_words)


def perturbed(
    name: str, text: str, seed: int = 0, label_words: tuple[str, ...] = LABELS
) -> str | None:
    draft = find(name).apply(subject_of(text, label_words), Random(seed))
    return draft.text if draft else None


def assert_sound(subject: Subject, draft: Draft) -> None:
    assert draft.text != subject.text
    assert replay(subject.text, draft.edits) == draft.text
    assert protected_intact(subject.text, draft.text, subject.label_words)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['perturbation']}-{row['seed']}")
def test_golden_pairs(row: dict[str, str | int | list[str] | None]) -> None:
    labels = tuple(row["label_words"])  # type: ignore[arg-type]
    name, text, seed = str(row["perturbation"]), str(row["text"]), int(row["seed"])  # type: ignore[arg-type]
    assert perturbed(name, text, seed, labels) == row["output"]


def test_the_level_has_at_least_eight_and_each_has_golden_pairs() -> None:
    assert len(NAMES) >= 8
    for name in NAMES:
        written = [row for row in GOLDEN if row["perturbation"] == name and row["output"]]
        assert len(written) >= 3, name


@pytest.mark.parametrize("name", NAMES)
def test_shipped_instructions_stay_sound(name: str) -> None:
    for number, one in enumerate(shipped_instructions()):
        subject = subject_of(one.instruction.text, one.label_words)
        draft = find(name).apply(subject, Random(number))
        if draft is not None:
            assert_sound(subject, draft)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS, seed=st.integers(0, 99))
def test_any_text_gives_a_sound_draft_or_none_and_the_same_again(
    name: str, text: str, seed: int
) -> None:
    subject = subject_of(text)
    draft = find(name).apply(subject, Random(seed))
    assert draft == find(name).apply(subject, Random(seed))
    if draft is not None:
        assert draft.text != text
        assert replay(text, draft.edits) == draft.text


@pytest.mark.parametrize("name", ADDITIONS)
@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_added_after_the_field_or_into_the_cue(name: str, seed: int) -> None:
    field = "\n\nReview: {text}\nSentiment:"
    after = perturbed(name, f"Read it. Say 'positive' or 'negative'.{field}", seed)
    if after is not None:
        assert after.endswith(field)
        assert after.count("{text}") == 1


@pytest.mark.parametrize("name", ADDITIONS)
@pytest.mark.parametrize("seed", range(6))
def test_nothing_parts_a_colon_from_what_it_announces(name: str, seed: int) -> None:
    text = "Choose one of these labels:\n- positive\n- negative"
    after = perturbed(name, text, seed)
    assert after is None or text in after
    after = perturbed(name, "Label the text as 'positive' or 'negative':", seed)
    assert after is None or after.endswith("'negative':")


@pytest.mark.parametrize("seed", range(20))
def test_no_added_sentence_holds_a_label_word(seed: int) -> None:
    labels = ("garden", "candle", "urgent", "important", "Chairs", "true")
    text = "Name the topic. Use one of the labels."
    for name in ("irrelevant-after", "urgency", "encouragement", "tautology"):
        after = perturbed(name, text, seed, labels)
        assert after is not None
        added = set(re.findall(r"\w+", after.lower())) - set(re.findall(r"\w+", text.lower()))
        assert not added & {"garden", "candle", "candles", "urgent", "important", "chairs", "true"}


def test_the_bank_of_irrelevant_sentences_is_large_and_plain() -> None:
    bank = table("additions")["irrelevant"]
    assert len(set(bank)) >= 60
    for one in bank:
        assert re.fullmatch(r"[A-Z][^.?!\"']+\.", one), one


def test_no_second_role_is_given() -> None:
    for text in (
        "You are a critic. Rate the film.",
        "As a film critic, rate the film.",
        "Act as a judge and decide.",
        "You work as a sentiment classifier. Rate the film.",
    ):
        assert perturbed("persona", text) is None
    given_role = perturbed("persona", "Rate the film.")
    assert given_role is not None
    assert given_role.endswith(" Rate the film.")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("checklist-random", r"[A-Za-z0-9]{10}"),
        ("checklist-handle", r"@[A-Za-z0-9]{6}"),
        ("checklist-url", r"https://t\.co/[A-Za-z0-9]{6}"),
    ],
)
def test_checklist_strings_stand_at_an_end(name: str, pattern: str) -> None:
    sides = set()
    for seed in range(12):
        after = perturbed(name, "Rate the film.", seed)
        match = re.fullmatch(rf"(?:({pattern}) )?Rate the film\.(?: ({pattern}))?", str(after))
        assert match is not None
        assert (match[1] is None) != (match[2] is None)
        sides.add(match[1] is None)
    assert sides == {True, False}


def test_an_input_keeps_its_cue_before_what_is_added() -> None:
    after = perturbed("irrelevant-before", "Premise: It rains.\nHypothesis: It is wet.", 0, ())
    assert after is not None
    assert re.fullmatch(r"Premise: .+\. It rains\.\nHypothesis: It is wet\.", after)


@pytest.mark.parametrize(
    ("text", "reordered"),
    [
        ("Rate the film. Answer 'positive' or 'negative'.", True),
        ("Is it good? Answer 'positive' if it is.", False),
        ("Rate the film. Answer with one of these: 'positive', 'negative'.", False),
        ("Say 'positive' or 'negative'.", False),
    ],
)
def test_only_a_sentence_that_stands_alone_is_moved(text: str, reordered: bool) -> None:
    after = perturbed("reorder", text)
    assert (after is not None) == reordered
    if after is not None:
        assert after == "Answer 'positive' or 'negative'. Rate the film."


def test_list_ends_the_enumeration_and_what_follows_begins_a_line() -> None:
    after = perturbed("format-list", "Rate it. Answer with either positive or negative. Be brief.")
    assert after is not None
    assert re.fullmatch(
        r"Rate it\. Answer with one of these:\n(\S) positive\n\1 negative\nBe brief\.", after
    )


def test_casing_leaves_protected_spans() -> None:
    texts = {perturbed("format-casing", "Rate {text} as POSITIVE or not.", s) for s in range(20)}
    assert texts <= {
        "Rate {text} As POSITIVE Or not.",
        "RATE {text} as POSITIVE or not.",
        "rate {text} as POSITIVE or not.",
    }
    assert len(texts) == 3


@pytest.mark.parametrize("one", shipped_instructions()[:10], ids=lambda one: one.instruction.id)
def test_additions_only_add(one: Shipped) -> None:
    for name in ADDITIONS:
        draft = find(name).apply(subject_of(one.instruction.text, one.label_words), Random(1))
        for edit in draft.edits if draft else ():
            assert edit.before == ""
