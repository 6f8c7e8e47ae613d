from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import MissingPackageError
from perturbations import find, find_protected
from perturbations.audit import protected_intact
from perturbations.base import Subject
from perturbations.diff import replay
from perturbations.tokens import find_words
from perturbations.word.lexicon import in_form, lexicon, senses_of, synonyms
from perturbations.word.wordforms import find_form
from tests.support.paths import GOLDEN_FOLDER
from tests.support.shipped import shipped_instructions
from tests.support.texts import LABELS, TEXTS

pytest.importorskip("lemminflect")

GOLDEN = json.loads((GOLDEN_FOLDER / "lexicon.json").read_text("utf-8"))
SYNONYM = find("synonym")
# What says what the task is; another word there would be another task.
TECHNICAL = (
    *("sentiment", "entailment", "entail", "imply", "contradict", "contradiction", "neutral"),
    *("positive", "negative", "true", "false", "correct", "same", "different", "equivalent"),
    *("grammar", "grammatical", "grammatically", "acceptable", "paraphrase", "duplicate"),
    *("premise", "hypothesis", "pronoun", "meaning", "similarity", "semantic"),
)


def subject_of(text: str, label_words: tuple[str, ...] = LABELS) -> Subject:
    return Subject(text, find_protected(text, label_words), label_words)


def replaced(text: str, seed: int = 0, label_words: tuple[str, ...] = LABELS) -> str | None:
    draft = SYNONYM.apply(subject_of(text, label_words), Random(seed))
    return draft.text if draft else None


def all_replaced(text: str) -> set[str | None]:
    return {replaced(text, seed) for seed in range(40)}


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['perturbation']}-{row['seed']}")
def test_golden_pairs(row: dict[str, Any]) -> None:
    labels: tuple[str, ...] = tuple(row["label_words"])
    assert replaced(str(row["text"]), int(str(row["seed"])), labels) == row["output"]


def test_there_are_four_hundred_head_words_in_good_order() -> None:
    heads = [(part, head) for part, some in lexicon().items() for head in some]
    assert len({head for _, head in heads}) >= 400
    for part, head in heads:
        for offered in senses_of(head, part).values():
            assert 1 <= len(offered) <= 5
            assert head not in offered
            assert len(set(offered)) == len(offered)
            for synonym in offered:
                assert re.fullmatch(r"[a-z]+(?:[ -][a-z]+)*", synonym), synonym


def test_no_technical_term_is_a_head_word() -> None:
    for heads in lexicon().values():
        assert not set(heads) & set(TECHNICAL)


def test_every_synonym_of_a_verb_or_noun_has_its_forms() -> None:
    for head in lexicon()["verb"]:
        for offered in senses_of(head, "verb").values():
            for synonym in offered:
                assert all(in_form(synonym, tag) for tag in ("VBZ", "VBG", "VBD", "VBN")), synonym


def test_the_lexicon_loads_in_ten_milliseconds() -> None:
    times = []
    for _ in range(5):
        lexicon.cache_clear()
        start = time.perf_counter()
        lexicon()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.01


@pytest.mark.parametrize(
    ("synonym", "tag", "form"),
    [
        ("figure out", "VBG", "figuring out"),
        ("work out", "VBZ", "works out"),
        ("choose", "VBN", "chosen"),
        ("put", "VBD", "put"),
        ("category", "NNS", "categories"),
        ("message board", "NNS", "message boards"),
        ("exact", "", "exact"),
        ("qwxz", "NNS", None),
    ],
)
def test_forms(synonym: str, tag: str, form: str | None) -> None:
    assert in_form(synonym, tag) == form


@pytest.mark.parametrize(
    ("head", "following", "expected"),
    [
        ("check", "whether it is", {"verify", "determine", "find out", "establish"}),
        ("check", "the text", {"examine", "inspect", "look over"}),
        ("answer", "with 'yes'", {"respond", "reply"}),
        ("answer", "the question", {"respond to", "reply to"}),
        ("answer", "", set()),
    ],
)
def test_a_sense_may_be_bound_to_what_follows(
    head: str, following: str, expected: set[str]
) -> None:
    assert set(synonyms(senses_of(head, "verb"), following)) == expected


def test_british_spelling_finds_the_head() -> None:
    assert senses_of("categorise", "verb") == senses_of("categorize", "verb")


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("Judge an option.", {"Judge a choice.", "Judge an alternative.", "Judge a possibility."}),
        ("The film shows an instance.", {"The film demonstrates an instance."}),
        ("He was choosing it.", {"He was selecting it.", "He was picking it."}),
        ("DECIDE WHETHER it rains.", {"JUDGE WHETHER it rains.", "DETERMINE WHETHER it rains."}),
    ],
)
def test_form_article_and_case_stay_right(text: str, offered: set[str]) -> None:
    assert offered & all_replaced(text)


@pytest.mark.parametrize(
    "text",
    [
        "It rules the claim out.",
        "This makes sense.",
        "A well-chosen multiple-choice set_name.",
        "Given are these.",
        "the book reviews and test answers the team",
    ],
)
def test_a_word_of_another_part_of_speech_is_left(text: str) -> None:
    for after in all_replaced(text) - {None}:
        for word in ("rules", "sense", "chosen", "choice", "set_name", "Given", "are"):
            assert (word in text) == (word in str(after))


def test_a_noun_is_replaced_everywhere_or_nowhere() -> None:
    text = "Read the question. Is the question clear? Answer the question."
    for after in all_replaced(text):
        assert after is None or after.count("question") in {0, 3}


def test_no_label_word_and_no_word_of_the_text_is_brought_in() -> None:
    text = "Choose the topic of the text."
    for seed in range(30):
        after = replaced(text, seed, ("subject", "theme", "select", "pick"))
        assert after in {None, "Choose the topic of the passage."}
        after = str(replaced("Read the text and the passage.", seed))
        assert after.count("passage") <= 1


def test_about_one_word_in_six_is_replaced() -> None:
    for number, one in enumerate(shipped_instructions()):
        text = one.instruction.text
        draft = SYNONYM.apply(subject_of(text, one.label_words), Random(number))
        assert draft is not None
        assert 1 <= len(draft.edits) <= len(find_words(text)) / 6 + 4


def test_shipped_instructions_keep_what_is_protected() -> None:
    for number, one in enumerate(shipped_instructions()):
        subject = subject_of(one.instruction.text, one.label_words)
        draft = SYNONYM.apply(subject, Random(number))
        assert draft is not None
        assert replay(subject.text, draft.edits) == draft.text
        assert protected_intact(subject.text, draft.text, subject.label_words)
        for word in TECHNICAL:
            pattern = rf"(?<!\w){word}(?!\w)"
            assert len(re.findall(pattern, draft.text)) == len(re.findall(pattern, subject.text))


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, seed=st.integers(0, 99))
def test_any_text_gives_a_sound_draft_or_none_and_the_same_again(text: str, seed: int) -> None:
    subject = subject_of(text)
    draft = SYNONYM.apply(subject, Random(seed))
    assert draft == SYNONYM.apply(subject, Random(seed))
    if draft is not None:
        assert replay(text, draft.edits) == draft.text
        assert protected_intact(text, draft.text, subject.label_words)


def test_without_the_package_the_error_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    find_form.cache_clear()
    monkeypatch.setitem(sys.modules, "lemminflect", None)
    with pytest.raises(MissingPackageError, match=r"robustness-harness\[words\]"):
        SYNONYM.apply(subject_of("Read the text."), Random(0))


def test_importing_loads_no_dictionary() -> None:
    code = "import sys, perturbations.word.synonyms; assert 'lemminflect' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "text",
    ["Sum it up in one sentence.", "Sum it up in two short sentences.", "Use your own words."],
)
def test_a_set_phrase_keeps_its_noun(text: str) -> None:
    nouns = ("sentence", "sentences", "words")
    assert all(one is None or one.rstrip(".").endswith(nouns) for one in all_replaced(text))


def test_a_past_form_in_the_passive_becomes_a_participle() -> None:
    found = all_replaced("The page should be drafted by the editor.")
    assert any(one and "should be written by" in one for one in found)
    assert not any(one and "wrote" in one for one in found)
