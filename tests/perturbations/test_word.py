from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import MissingPackageError, UsageError
from perturbations import find, perturb_text, select
from perturbations.resources import MissingDataError, read_words, table
from perturbations.tokens import find_words
from tests.support.paths import GOLDEN_FOLDER
from tests.support.texts import LABELS, TEXTS

GOLDEN = json.loads((GOLDEN_FOLDER / "word.json").read_text("utf-8"))
TEXT = "Read the review and decide whether the writer liked the movie. Answer 'yes' or 'no'."
TABLES = (
    *("misspellings", "homophones", "spellings", "abbreviations", "contractions"),
    *("learner_articles", "learner_prepositions", "learner_agreement"),
)
WriteWords = Callable[[dict[str, object], dict[str, object]], Path]


def perturbed(name: str, text: str = TEXT, seed: int = 0, data_dir: Path | None = None) -> str:
    draft = perturb_text(text, find(name).with_data(data_dir), seed, LABELS)
    assert draft is not None
    return draft.text


def words_of(text: str) -> list[str]:
    return [word.text for word in find_words(text)]


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['perturbation']}-{row['seed']}")
def test_golden_pairs(row: dict[str, object]) -> None:
    name, text, seed, labels = (row[k] for k in ("perturbation", "text", "seed", "label_words"))
    if name == "inflection":
        pytest.importorskip("lemminflect")
    draft = perturb_text(text, find(name), seed, labels)  # type: ignore[arg-type]
    assert draft is not None
    assert draft.text == row["output"]


def test_every_perturbation_of_the_level_has_three_golden_pairs() -> None:
    for one in select(levels=["word"]).perturbations:
        if one.name != "synonym":
            assert sum(row["perturbation"] == one.name for row in GOLDEN) >= 3, one.name


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_alternatives_in_lower_case_that_differ(name: str) -> None:
    for word, alternatives in table(name).items():
        assert word == word.lower()
        assert alternatives
        assert word not in alternatives


def test_there_are_enough_misspellings_and_none_is_another_entry() -> None:
    misspellings = table("misspellings")
    assert len(misspellings) >= 150
    assert not [word for wrong in misspellings.values() for word in wrong if word in misspellings]


def test_spelling_goes_both_ways() -> None:
    assert perturbed("uk-us", "Analyse the Colour") == "Analyze the Color"
    assert perturbed("uk-us", "Analyze the Color") == "Analyse the Colour"


@pytest.mark.parametrize("word", ["program", "check", "story", "tire", "practice", "meter"])
def test_an_american_word_that_is_british_too_is_left(word: str) -> None:
    assert perturb_text(f"the {word} here", find("uk-us"), 0) is None


@pytest.mark.parametrize(
    ("text", "contracted"),
    [
        ("It is good.", "It's good."),
        ("WHAT IS THE MOOD?", "WHAT'S THE MOOD?"),
        ("You are right and that is it.", "You're right and that's it."),
        ("It is not good.", "It's not good."),
        ("They could have said so.", "They could've said so."),
    ],
)
def test_contraction(text: str, contracted: str) -> None:
    assert perturbed("contraction", text) == contracted


@pytest.mark.parametrize(
    "text",
    ["Say what it is.", "Yes, it is, truly.", "I do not know.", "it is 'yes'", "visit is on"],
)
def test_what_cannot_be_contracted(text: str) -> None:
    assert perturb_text(text, find("contraction"), 0) is None


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("It's good.", "It is good."),
        ("It’s been good.", "It has been good."),
        ("Let's see what's there.", "Let us see what is there."),
        ("We've got it, don't worry.", "We have got it, don't worry."),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert perturbed("expansion", text) == expanded


@settings(max_examples=40)
@given(TEXTS, st.integers(0, 99))
def test_split_merge_and_hyphenation_keep_the_letters(text: str, seed: int) -> None:
    for name, mark in (("word-split", " "), ("word-merge", " "), ("hyphenation", "-")):
        draft = perturb_text(text, find(name), seed, LABELS)
        if draft is not None:
            assert draft.text.replace(mark, "") == text.replace(mark, "")


@settings(max_examples=40)
@given(TEXTS, st.integers(0, 99))
def test_moved_words_are_the_same_words(text: str, seed: int) -> None:
    draft = perturb_text(text, find("word-order"), seed, LABELS)
    if draft is not None:
        assert sorted(draft.text) == sorted(text)


def test_words_move_no_further_than_their_neighbour() -> None:
    for seed in range(20):
        old, new = words_of(TEXT), words_of(perturbed("word-order", seed=seed))
        moved = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        assert moved
        for i in moved[::2]:
            assert (new[i], new[i + 1]) == (old[i + 1], old[i])


def test_a_repeated_word_stands_beside_itself() -> None:
    for seed in range(20):
        words = words_of(perturbed("word-repeat", seed=seed))
        doubled = [a for a, b in pairwise(words) if a == b]
        assert len(doubled) == 2


def test_only_function_words_are_dropped_with_one_space_each() -> None:
    for seed in range(20):
        text = perturbed("stopword-drop", seed=seed)
        assert "  " not in text
        assert {"Read", "review", "decide", "whether", "writer", "liked", "movie."} <= {
            *text.split()
        }


def test_a_hyphen_comes_between_syllables() -> None:
    for word, parts in (("classification", "clas-sification"), ("sentence", "sen-tence")):
        found = {perturbed("hyphenation", word, seed) for seed in range(30)}
        assert parts in found
    endings = {perturbed("hyphenation", "sentence", seed) for seed in range(30)}
    assert "senten-ce" not in endings


@pytest.fixture
def write_words(tmp_path: Path) -> WriteWords:
    """Writes the two word files of a data folder."""

    def write(synonyms: dict[str, object], neighbours: dict[str, object]) -> Path:
        pytest.importorskip("lemminflect")
        (tmp_path / "words").mkdir(exist_ok=True)
        for name, words in (
            ("wordnet30_synonyms", synonyms),
            ("counterfitted_neighbors", neighbours),
        ):
            with lzma.open(tmp_path / "words" / f"{name}.json.xz", "wt") as stream:
                json.dump(words, stream)
        return tmp_path

    return write


def test_a_synonym_takes_the_form_and_the_case_of_the_word(write_words: WriteWords) -> None:
    data_dir = write_words(
        {
            "review": {"n": {"s": [["critique", "review article", "Critique"]]}},
            "decide": {"v": {"s": [["settle"]]}},
        },
        {},
    )
    text = perturbed("wordnet", "Read both reviews. Decide.", data_dir=data_dir)
    assert text in ("Read both critiques. Decide.", "Read both reviews. Settle.")


def test_an_article_agrees_with_the_word_put_after_it(write_words: WriteWords) -> None:
    data_dir = write_words(
        {"mistake": {"n": {"s": [["error"]]}}, "error": {"n": {"s": [["mistake"]]}}}, {}
    )
    assert perturbed("wordnet", "without making a mistake.", data_dir=data_dir).endswith(
        "an error."
    )
    assert perturbed("wordnet", "It makes an error.", data_dir=data_dir) == "It makes a mistake."


def test_a_crude_sense_is_never_used(write_words: WriteWords) -> None:
    senses = [["intercourse", "coitus"], ["tie"]]
    data_dir = write_words(
        {"relation": {"n": {"s": senses}}}, {"relation": ["coitus"], "coitus": ["relation"]}
    )
    texts = {perturbed("wordnet", "their relation.", seed, data_dir) for seed in range(10)}
    assert texts == {"their tie."}
    assert perturb_text("their relation.", find("counterfitted").with_data(data_dir), 0) is None


def test_neighbours_are_mutual_and_of_the_same_form(write_words: WriteWords) -> None:
    data_dir = write_words(
        {},
        {
            "movie": ["movies", "film", "cinematic", "kino", "flick"],
            "film": ["movie"],
            "movies": ["movie"],
            "cinematic": ["movie"],
            "flick": ["switch"],
        },
    )
    texts = {
        perturbed("counterfitted", "Did you see the movie?", seed, data_dir) for seed in range(10)
    }
    assert texts == {"Did you see the film?"}


def test_real_word_files_give_synonyms_and_neighbours(data_dir: Path) -> None:
    pytest.importorskip("lemminflect")
    for name in ("wordnet", "counterfitted"):
        assert perturbed(name, TEXT, 1, data_dir) != TEXT


def test_word_files_that_are_missing_or_broken_say_so(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="wordnet"):
        perturb_text(TEXT, find("wordnet"), 0)
    (tmp_path / "words").mkdir()
    for content in (b"{}", lzma.compress(b"[]"), lzma.compress(b"{"), lzma.compress(b"{}")[:20]):
        path = tmp_path / "words" / f"{len(content)}-{content[:2].hex()}.json.xz"
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"json\.xz"):
            read_words(f"words/{path.name}", data_dir=tmp_path, needed_for="wordnet")


def test_inflection_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lemminflect", None)
    with pytest.raises(MissingPackageError, match=r"robustness-harness\[words\]"):
        perturb_text(TEXT, find("inflection"), 0)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("the native speaker", "native"),
        ("please {text} it", "{text}"),
        ("the following text", "following"),
        ("Is the replacement right?", "right"),
        ("what a source supports", "supports"),
        ("a student shows you", "shows"),
        ("how reviewers think", "think"),
    ],
)
def test_a_word_of_unclear_kind_is_left(text: str, kept: str) -> None:
    pytest.importorskip("lemminflect")
    for seed in range(10):
        draft = perturb_text(text, find("inflection"), seed)
        assert draft is None or kept in draft.text


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("the premise supports the hypothesis", {"support", "supported", "supporting"}),
        ("both report the facts", {"reports", "reported", "reporting"}),
        ("short of proving the claim", {"prove", "proves", "proved"}),
        ("a helping hand", set()),
        ("Rewrite it", {"Rewrites", "Rewrote", "Rewritten", "Rewriting"}),
        ("Stay here", {"Stays", "Stayed", "Staying"}),
    ],
)
def test_a_verb_before_an_object_takes_the_usual_forms_of_a_verb(
    text: str, forms: set[str]
) -> None:
    pytest.importorskip("lemminflect")
    drafts = [perturb_text(text, find("inflection"), seed) for seed in range(40)]
    others = {edit.after for draft in drafts if draft for edit in draft.edits}
    assert others >= forms
    assert not others & {"supportings", "helpings", "provings", "re-wrote", "staid"}
