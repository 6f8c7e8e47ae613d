"""Variants that asked for something else once; none is made where the parse is not sure."""

from __future__ import annotations

from random import Random

import pytest

from perturbations import Subject, find, find_protected
from perturbations.word.verbs import past_form, verb_at
from tests.support.variants import texts


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


@pytest.mark.parametrize("name", ["as-question", "as-request", "nominal"])
@pytest.mark.parametrize(
    "text",
    [
        "Answer this question as a full sentence: {{question}}?",
        'He asked me "{{question}}" Is he talking about sports?',
        '"{{claim}}" Yes, no, maybe?',
        'The claim is new. {{"True"}} or {{"False"}}?',
        "{% if a %} Choose the right cause: {% else %} Choose the right effect: {% endif %}",
    ],
)
def test_no_request_is_made_of_what_only_ends_like_a_question(name: str, text: str) -> None:
    assert texts(name, text) == set()


def test_a_question_that_is_quoted_whole_keeps_what_it_is_about() -> None:
    text = "On a scale of 0 to 1, what do you think their average rating was?"
    assert all("answer this question: on a scale" in one for one in texts("as-question", text))


def test_an_input_before_a_sentence_is_no_part_of_it() -> None:
    made = texts("as-question", "{{text}} How does the reviewer feel about the movie?")
    assert made
    assert all(one.startswith("{{text}} C") or "{{text}} W" in one for one in made)


@pytest.mark.parametrize("name", ["irrelevant-before", "checklist-random", "tautology"])
@pytest.mark.parametrize(
    "text",
    [
        "{{text}} ____.\n\nFill in the ____:",
        "Fact 1: {{a}}{{b}}.\n\nFact 2: {{c}}.\n\nWhich is true?",
        "- {{choices}}\nWhich comes next?",
    ],
)
def test_nothing_is_put_into_an_input(name: str, text: str) -> None:
    first = text.split("\n", maxsplit=1)[0]
    assert all(one.startswith(first) for one in texts(name, text))


@pytest.mark.parametrize("name", ["tautology", "politeness", "checklist-random"])
@pytest.mark.parametrize(
    "text",
    [
        "Read the text. This is definitely not a",
        '{{a}} {% if q == "cause" %} It was so... {% else %} Then... {% endif %}',
    ],
)
def test_nothing_follows_what_is_to_be_continued(name: str, text: str) -> None:
    for made in texts(name, text):
        assert made.endswith(text.partition(". ")[2] or text[-30:])


def test_an_adverb_keeps_its_verb() -> None:
    assert texts("nominal", "Read them carefully and extract the main points.") == set()


def test_a_noun_keeps_what_its_preposition_leads() -> None:
    text = "Extract the answer to the question from the context."
    assert texts("passive", text) == set()


def test_etc_may_end_a_sentence() -> None:
    text = "Compare it by price, rating, etc. For the answer, use a table."
    assert all("etc. For the answer" in one for one in texts("as-question", text))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Name the mental exercises of the day.", "exercises"),
        ("Provide an ESRB rating for the game.", "rating"),
        ("Write a short medical report on it.", "report"),
        ("Write a title for the text and give it a number.", "give it"),
        ("Give the text a title.", "Give the text"),
        ("Compare the given item with others.", "item"),
        ("Summarize the piece of news.", "piece of"),
        ("Select a letter for the final answer.", "final"),
        ("List the top places in the U.S. for a visit.", "places in"),
        ("Find out the largest one.\nRequest: {text}", "Request: {text}"),
        ("Is it true? Yes, no, or maybe?", "maybe"),
        ("Choose the entity with the subject {a}.", "subject"),
    ],
)
def test_a_word_in_a_set_phrase_is_not_replaced(text: str, kept: str) -> None:
    pytest.importorskip("lemminflect")
    assert all(kept in made for made in texts("synonym", text))


def test_the_output_of_a_program_is_no_response() -> None:
    pytest.importorskip("lemminflect")
    made = texts("synonym", "What is the output of the given code?")
    assert made
    assert not any("response" in one for one in made)


@pytest.mark.parametrize("name", ["politeness", "checklist-random", "tautology", "as-question"])
def test_nothing_is_put_into_a_quotation_that_never_ends(name: str) -> None:
    text = "Translate this and say what language it is: “The beautiful ones are not yet born"
    assert all(one.endswith(text) for one in texts(name, text))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Find the exact match for the name.", "exact"),
        ("Do you find it toxic?", "find it"),
        ("Give your reasons for choosing that time.", "time"),
        ("Can it be answered using the context?", "answered"),
        ("If it does not, mention that it is unclear.", "that it is"),
        ("Filing a claim is hard. Find the reason.", "claim"),
        ("Does it have a direct result, or an effect?", "effect"),
        ("Add the two numbers of the list.", "Add"),
        ("I have always wondered about the reason.", "always"),
        ("Name the proper noun of the text.", "proper"),
    ],
)
def test_a_word_with_several_senses_is_replaced_in_none(text: str, kept: str) -> None:
    pytest.importorskip("lemminflect")
    assert all(kept in made for made in texts("synonym", text))


def test_what_is_classified_into_classes_is_not_labelled() -> None:
    pytest.importorskip("lemminflect")
    made = texts("synonym", "Classify the tweet into one of these kinds.")
    assert made
    assert not any("Label" in one for one in made)


def test_what_the_reader_will_find_is_no_command() -> None:
    text = "You will find below a context and a question. Answer the question."
    assert all(made.startswith("You will find") for made in texts("as-question", text))
