"""What is made for English is kept off other languages, and is said to be."""

from __future__ import annotations

import pytest

from harness.core.records import Instruction, LeftOut
from perturbations import Subject, find, find_protected, make_variants, perturb_text, select
from perturbations.language import is_english, why_left_out
from tests.support.shipped import shipped_instructions

OTHERS = (
    "请判断下面这条用户评论表达的情感是正面还是负面，回答正面或负面即可。",
    "このレビューがポジティブかネガティブかを判断してください。",
    "이 리뷰가 긍정인지 부정인지 판단하세요. 긍정 또는 부정으로 답하세요.",
    "รีวิวนี้เป็นบวกหรือลบ",
    "Yorum olumluysa 'evet', olumsuzsa 'hayır' yaz.",
    "Entscheide, ob die Rezension in der Zeitung positiv oder negativ ist.",
    "Décide si la critique de ce film est positive ou négative.",
    "Decide si la reseña de la película es positiva o negativa.",
    "Определи, является ли отзыв положительным или отрицательным.",
    "यह समीक्षा सकारात्मक है या नकारात्मक?",
    "Päätä, onko arvostelu myönteinen vai kielteinen.",
)


def subject_of(text: str) -> Subject:
    return Subject(text, find_protected(text))


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_are_not_taken_for_english(text: str) -> None:
    assert not is_english(subject_of(text))


def test_every_shipped_instruction_is_english() -> None:
    for one in shipped_instructions():
        assert is_english(subject_of(one.instruction.text)), one.instruction.text


@pytest.mark.parametrize("text", ["", "{text}", "Say positive", "Sentiment: {x}", "OK?"])
def test_what_is_too_short_to_tell_is_taken_for_english(text: str) -> None:
    assert is_english(subject_of(text))


@pytest.mark.parametrize("text", OTHERS)
def test_of_the_core_only_what_knows_no_language_is_applied(text: str) -> None:
    made = make_variants(
        "task",
        Instruction("i", "task", text),
        perturbations=select(levels=["all"]).perturbations,
        label_words=(),
        paraphrases=(),
        seed=1,
    )
    assert all("any" in find(variant.perturbation).languages for variant in made.variants)
    assert LeftOut("tautology", "sentence", "language", "English") in made.left_out
    assert {one.reason for one in made.left_out} == {"language"}
    assert perturb_text(text, find("tautology"), 0) is None


def test_a_letter_with_its_mark_is_left_alone() -> None:
    assert perturb_text("यह समीक्षा सकारात्मक है या नकारात्मक?", find("drop"), 0) is None


def test_a_stack_is_made_for_the_languages_of_all_its_parts() -> None:
    assert find("keyboard+politeness").languages == ("en",)
    assert find("keyboard+format-spacing").languages == ("any",)


@pytest.mark.parametrize("name", ["option-order", "option-letters"])
def test_the_options_of_a_choice_are_arranged_in_any_language(name: str) -> None:
    assert find(name).languages == ("any",)
    subject = subject_of("Wählen Sie die richtige Antwort und schreiben Sie nur den Buchstaben.")
    assert why_left_out(find(name), subject) is None
