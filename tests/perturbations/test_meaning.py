"""Variants that asked for something else once; none is made where the parse is not sure."""

from __future__ import annotations

from random import Random

import pytest

from perturbations import Subject, find, find_protected, perturb_text
from perturbations.word.verbs import past_form, verb_at


def texts(name: str, text: str, labels: tuple[str, ...] = ()) -> set[str]:
    """Everything that ten seeds make of a text."""
    drafts = (perturb_text(text, find(name), seed, labels) for seed in range(10))
    return {draft.text for draft in drafts if draft}


@pytest.mark.parametrize(
    "text",
    [
        "Use the context to decide whether the claim is 'true' or 'false'.",
        "Check the sentence for errors before you decide whether it is 'right' or 'wrong'.",
        "Check the answer against the source when you judge whether it is 'right' or 'wrong'.",
        "Evaluate the reply given the earlier messages as 'helpful' or 'unhelpful'.",
        "Give the news title a category.",
        "Read the notes and list the sections accordingly.",
        "You can make your holidays more eco-friendly by following these steps:",
    ],
)
def test_no_passive_is_made_of_an_object_whose_end_is_not_sure(text: str) -> None:
    assert texts("passive", text) == set()


def test_a_passive_keeps_what_belongs_to_the_noun() -> None:
    made = texts("passive", "Extract the address of the property from the report.")
    assert "The address of the property must be extracted from the report." in made


@pytest.mark.parametrize("name", ["as-request", "as-question", "nominal", "formal", "casual"])
def test_given_and_other_prepositions_are_no_verbs(name: str) -> None:
    for text in texts(name, "Given the context,\n\n{{sentence}}\n\nobserve the pair."):
        assert "to given" not in text.lower()
        assert "you given" not in text.lower()


def test_a_particle_goes_with_its_verb() -> None:
    text = "Pick out the sentence that contradicts the others and name its kind."
    assert not any("select out" in made for made in texts("formal", text))
    text = "Evaluate the reply as 'helpful' or 'unhelpful'."
    assert not any("look at" in made for made in texts("casual", text))


@pytest.mark.parametrize(
    ("base", "ing", "past"),
    [
        ("flag", "flagging", "flagged"),
        ("submit", "submitting", "submitted"),
        ("skip", "skipping", "skipped"),
        ("show", "showing", "showed"),
        ("fix", "fixing", "fixed"),
        ("read", "reading", "readed"),
        ("answer", "answering", "answered"),
        ("visit", "visiting", "visited"),
    ],
)
def test_final_consonants_double_where_english_doubles_them(base: str, ing: str, past: str) -> None:
    from perturbations.word.verbs import Verb

    assert (verb_at(base) or Verb(base)).gerund == ing
    assert past_form(base) == past


@pytest.mark.parametrize(
    "text",
    [
        "Pick one from the list of Travel, Style, Politics, and Science & Health.",
        "Fill in {name}, {place}, {date}.",
        "The output has this format: word1 relation word2.",
        "Avoid text that is (i) off topic, (ii) repeated.",
        "{{text}}. The emotion expressed in the message is",
    ],
)
def test_a_tautology_is_not_made_an_item_of_a_list(text: str) -> None:
    assert texts("tautology", text) == set()


def test_a_rule_of_equals_signs_is_no_sentence() -> None:
    text = "Write a title for the review below.\n===\n{{review}}"
    for made in texts("tautology", text) | texts("format-separator", text):
        assert "\n===\n{{review}}" in made


def test_nothing_is_put_before_a_text_that_begins_with_the_input() -> None:
    assert texts("irrelevant-before", "{{text}} Did the reviewer like it?") == set()


def test_small_words_that_carry_the_meaning_are_not_dropped() -> None:
    for made in texts("stopword-drop", "Answer in at most 3 words why this is a lead worth it."):
        assert "at most" in made
        assert "a lead" in made


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Sort the orders by date.", "orders"),
        ("Look for a snippet in the search query.", "query"),
        ("Guess the right label.", "Guess"),
        ("Name the two sentences.\n\nSentence 1: {a}", "sentences"),
        ("Do not use numbers or outcome mentions without them.", "mentions"),
        ("Please provide some text for it.", "text"),
    ],
)
def test_words_with_another_sense_here_are_not_replaced(text: str, kept: str) -> None:
    pytest.importorskip("lemminflect")
    assert all(kept in made for made in texts("synonym", text))


@pytest.mark.parametrize("text", ["Read it.\nAnswer: {a}", "Read it.\nSentence 1: {a}"])
def test_the_name_of_a_field_is_not_inflected_as_a_verb(text: str) -> None:
    pytest.importorskip("lemminflect")
    made = texts("inflection", text)
    assert not any("Answering" in one or "Sentencing" in one for one in made)


def test_a_counted_noun_keeps_its_number() -> None:
    pytest.importorskip("lemminflect")
    assert all("Are the posts" in one for one in texts("inflection", "Are the posts alike?"))
    subject = Subject("Are the posts alike?", find_protected("Are the posts alike?"))
    assert find("inflection").apply(subject, Random(0)) is None


def test_a_relative_clause_keeps_what_follows_it() -> None:
    text = "Extract the method that has been used in the research from the abstract."
    assert texts("passive", text) == set()
    text = "Rewrite it and make your writing clearer by keeping it short."
    assert texts("passive", text) == set()


def test_a_question_whose_subject_has_no_known_end_is_quoted_whole() -> None:
    text = "Would a search system need clarification to answer it?"
    assert all("answer this question: would a search" in one for one in texts("as-request", text))


def test_the_letter_of_a_name_is_no_article() -> None:
    made = texts("stopword-drop", "Compare it with the input.\nSentence A: {a}")
    assert all("Sentence A:" in one for one in made)


@pytest.mark.parametrize("text", ["Predict the next word.", "Take care of the table of contents."])
def test_a_number_of_things_changes_only_where_it_shows(text: str) -> None:
    pytest.importorskip("lemminflect")
    kept = {"word", "contents"} & set(text.rstrip(".").split())
    assert all(kept <= set(one.rstrip(".").split()) for one in texts("inflection", text))


def test_an_abbreviation_keeps_its_capital_within_a_sentence() -> None:
    text = "U.S. or not: is the party from there?"
    assert not any("u.S." in one for one in texts("as-question", text))


def test_a_noun_before_a_letter_is_no_verb() -> None:
    text = "Sentence A is illustrating a stereotype. Yes or no?"
    assert texts("as-question", text) == set()
