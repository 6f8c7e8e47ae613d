"""Variants that a strict reader found invalid: benchmarks/variants_read.md has the draws."""

from __future__ import annotations

import pytest

from tests.support.variants import texts


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("List the pros and cons of the decision.", "decision"),
        ("Please generate the next two sentences of the article.", "two sentences"),
        ("Write a paragraph about the sea.", "a paragraph"),
        ("Tell me what the listed price was.", "listed price"),
        ("Change the first person to the third person.", "third person"),
        ("I read this article the other day. Is it long?", "read this"),
        ("Replace the comment in the code.", "comment"),
        ("How closely does the first sentence resemble the second one?", "closely"),
        ("Which of these do you agree with regarding the bias?", "agree with"),
        ("Name three shops that sell something mentioning that item.", "mentioning that"),
        ("Work as fast as long as you can.", "as long as"),
        ("Pick what happens as a result of: {{a}}", "as a result of"),
        ("{{a}}\nWhat kind of thing would answer this question?", "would answer"),
        ("Find the sentence that answers the question.", "answers"),
        ("Apply the + operator to them.", "Apply"),
    ],
)
def test_a_word_keeps_what_it_says_here(text: str, kept: str) -> None:
    pytest.importorskip("lemminflect")
    assert all(kept in made for made in texts("synonym", text))


@pytest.mark.parametrize(
    "text", ['Can "{{a}}" be used to answer "{{b}}"?', "To answer '{a}', read it."]
)
def test_what_is_to_be_answered_is_not_said(text: str) -> None:
    pytest.importorskip("lemminflect")
    assert not any("say" in made for made in texts("synonym", text))


@pytest.mark.parametrize(
    "text",
    [
        "Suggest a book written by {{title}}.",
        "Make the article available in a second language by translating it.",
        "Explain the questions like I am 5.",
        "Pick the likelier continuation to the following sentence.",
        "Summarize the following query in the form of key banking terms:\n{{text}}",
        "Describe a conclusion obtained from the following table in plain English.",
        "How positive is it? Give a score between\n  {{'0'}} and {{'5'}}.",
        "Subtract the second number from the first number:",
        "Apply the + operator on the two numbers.",
        "Extract the second letter in a word.",
        "Count the vowels in a sentence.",
        "Break the following word into letters:",
        "Shrink the following text by half.",
    ],
)
def test_an_object_that_may_hold_more_has_no_passive(text: str) -> None:
    assert texts("passive", text) == set()


def test_what_stands_in_the_text_is_extracted_with_its_place() -> None:
    text = "Extract all the country names in the paragraph."
    assert all("names in the paragraph" in made for made in texts("passive", text))


@pytest.mark.parametrize(
    "text",
    [
        "Is this tweet is ironic?",
        'Is the answer "{{answer}}" correct?',
        "Is the sentiment the sentence expresses is a {{a}} speech?",
        "Is this citation describing a method?",
        'Is the claim: "{{claim}}" true or false?',
        'Are the questions "{{a}}" and "{{b}}" asking the same?',
        'Is the phrase "{{a}}" {{b}} or {{c}}?',
        "Is the sentiment the poet express for the poem {{a}} or {{b}}?",
    ],
)
def test_a_question_that_is_not_understood_is_quoted_whole(text: str) -> None:
    for name in ("as-question", "as-request", "nominal"):
        assert all(f"this question: {text[0].lower()}" in made for made in texts(name, text))
    assert texts("passive", text) == set()


def test_what_the_reader_would_do_stays_a_question() -> None:
    text = "Would you recommend the article to a child or an adult?"
    assert all("whether you would recommend" in made for made in texts("as-request", text))
    for made in texts("as-question", "Turn down a job offer by sending an email."):
        assert not made.startswith("Would you turn")


@pytest.mark.parametrize("text", ["Sum up in brief: {{article}}", "Finish it well: {goal}"])
def test_nothing_is_put_after_an_input_that_ends_the_text(text: str) -> None:
    ending = text.rpartition(": ")[2]
    for name in ("checklist-random", "tautology", "politeness", "as-question", "as-request"):
        assert all(made.endswith(ending) for made in texts(name, text))


def test_a_string_is_not_put_before_an_input_in_its_line() -> None:
    made = texts("checklist-random", "Answer the following question. {question}")
    assert made
    assert all(one.endswith("Answer the following question. {question}") for one in made)


@pytest.mark.parametrize(
    "text",
    [
        "Write the plural form of the word",
        "Extract the second letter of a word",
        "Rephrase it well",
    ],
)
def test_a_string_does_not_become_the_input_of_a_text_without_an_end(text: str) -> None:
    made = {one for name in ("checklist-random", "checklist-url") for one in texts(name, text)}
    assert made
    assert all(one.endswith(text) for one in made)


def test_whether_is_no_if_after_what_is_to_be_put_out() -> None:
    pytest.importorskip("lemminflect")
    for verb in ("output", "print", "write", "return"):
        text = f"Given a text, {verb} whether it is positive or negative."
        assert not any(f"{verb} if" in made for made in texts("synonym", text))
    assert any("if it" in made for made in texts("synonym", "Determine whether it is positive."))


def test_these_are_not_any() -> None:
    text = "{{a}}\nWhat is a sentence that uses these characters?"
    assert all("these" in made for made in texts("stopword-drop", text))


def test_a_tautology_is_not_made_a_part_of_what_is_to_be_said() -> None:
    assert texts("tautology", "If it cannot be answered, say Unanswerable.") == set()


def test_a_compound_is_not_taken_apart_and_a_bound_is_kept() -> None:
    text = "Generate a one-sentence answer."
    assert not any("one-answer" in made for made in texts("word-order", text))
    assert all("up to" in made for made in texts("stopword-drop", "Choose up to five colors."))


@pytest.mark.parametrize(
    "text",
    [
        "Could I replace the sentence\n{{a}}\nwith the sentence\n{{b}}\nand have it mean the same?",
        "I found the following article online, use it to answer {{question}}.",
        "Generate an article on the topic of\n{{ topics }}",
    ],
)
def test_a_part_of_a_sentence_is_no_request(text: str) -> None:
    for name in ("as-question", "as-request", "passive", "nominal"):
        assert all(made.startswith(text[:12]) for made in texts(name, text))
    for made in texts("passive", text.replace("I found", "Found")):
        assert "founded" not in made


def test_a_second_verb_does_not_keep_its_form() -> None:
    text = "Does the sentence make sense and use correct English?"
    assert all("this question: does the sentence make" in one for one in texts("as-request", text))


def test_points_that_are_mentioned_are_many() -> None:
    text = "State the main points mentioned in the text below."
    assert not any(" is to be " in made for made in texts("passive", text))
    text = "Name the first entity in motion mentioned in the sentence."
    assert all("in motion mentioned in the sentence" in made for made in texts("passive", text))


@pytest.mark.parametrize("lead", ["Here's a hard question", "Suppose you are a critic"])
def test_a_lead_that_is_a_sentence_is_not_put_after_you(lead: str) -> None:
    assert texts("as-request", f"{lead}, write an answer to the question.") == set()


def test_because_of_is_one_phrase() -> None:
    pytest.importorskip("lemminflect")
    for made in texts("synonym", "I could conclude that {{a}} because of: {{b}}"):
        assert "as of" not in made
        assert "since of" not in made


def test_could_you_confirm_is_not_whether_one_could() -> None:
    made = texts("as-request", "I think it is valid. Could you confirm? Yes or no?")
    assert made
    assert not any("decide whether" in one for one in made)


def test_nothing_is_put_between_a_cue_and_its_input_or_after_dots() -> None:
    text = "Context: {{context}}; \n\nQuestion: {{question}} \n\nIs this answerable?"
    for name in ("checklist-random", "irrelevant-before", "politeness"):
        assert not any("Context: {{context}}" not in one for one in texts(name, text))
    text = "Complete it.\nFirst, {{a}} Then, {{b}} ..."
    assert all(made.endswith("Then, {{b}} ...") for made in texts("tautology", text))
