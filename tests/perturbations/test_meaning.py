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
