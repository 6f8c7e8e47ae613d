"""What of an instruction goes through a model, and what may stand in place of the rest."""

from __future__ import annotations

import pytest

from harness.paraphrasing import Filters, judge_part, take_apart
from harness.paraphrasing.clauses import Part
from harness.paraphrasing.compose import compose
from perturbations.audit import protected_intact

LABELS = ("positive", "negative")


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (
            "What is the tone of the text? Answer with 'positive' or 'negative'.",
            [
                ("What is the tone of the text?", True),
                ("Answer with 'positive' or 'negative'.", False),
            ],
        ),
        (
            "You are a critic. Mark the comment as positive or negative.",
            [
                ("You are a critic.", False),
                ("Mark the comment.", True),
                ("Reply with positive or negative.", False),
            ],
        ),
        (
            "Say whether the writer's attitude in the text is 'positive' or 'negative'.",
            [
                ("What is the writer's attitude in the text?", True),
                ("Reply with 'positive' or 'negative'.", False),
            ],
        ),
        (
            "Read it and output its label, which is either 'positive' or 'negative'.",
            [
                ("Read it and output its label.", True),
                ("Reply with 'positive' or 'negative'.", False),
            ],
        ),
        # what holds a protected span in another place stays as it is
        ("Say 'positive' if you like it, 'negative' if not.", None),
        ("Write {text} as 'positive' or 'negative'.", None),
        ("Do not say more than 3 words.", None),
    ],
)
def test_an_instruction_is_taken_apart(
    instruction: str, expected: list[tuple[str, bool]] | None
) -> None:
    parts = take_apart(instruction, LABELS)
    if expected is None:
        assert parts == (Part(instruction),)
    else:
        assert [(part.text, part.free) for part in parts] == expected


def test_frames_keep_all_that_is_protected() -> None:
    text = "Reply with one word, either 'positive' or 'negative'."
    (part,) = take_apart(text, LABELS)
    assert len(part.frames) == 5
    for frame in part.frames:
        assert protected_intact(text, frame, LABELS)
    (role,) = take_apart("You are a critic who likes 2 films.", LABELS)
    assert role.frames[0] == "Imagine that you are a critic who likes 2 films."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("Determine how the writer feels.", None),
        ("How does the author like it?", None),
        ("The tone of the text is positive.", "label word, number, negation or quotation added"),
        ("Do not look at the tone.", "label word, number, negation or quotation added"),
        ("The tone is friendly.", "no request"),
        ("Decide whether it has a tone.", "yes-no question made or lost"),
        ("Say how somebody feels in it.", "person or condition added"),
        ("Judge it based on its style.", "person or condition added"),
        ("Find the tone of the tone in it.", "word repeated"),
        ("Determine how the writer", "not a whole sentence"),
        ("What is the tone of this short text?", "too many words kept"),
        ("What is the tone of the texts?", "near-duplicate"),
    ],
)
def test_rewordings_of_a_part_are_judged(answer: str, reason: str | None) -> None:
    part = "What is the tone of the text?"
    assert judge_part(answer, part, label_words=LABELS).rejected == reason


def test_a_yes_no_question_stays_one() -> None:
    part = "Is the sentence good English?"
    asked = ("Which mistakes does it make?", "Check if a native speaker would say it.")
    reasons = [judge_part(text, part, label_words=("yes", "no")).rejected for text in asked]
    assert reasons == ["yes-no question made or lost", None]


def test_paraphrases_differ_in_what_was_reworded() -> None:
    original = "What is the tone of the text? Answer with 'positive' or 'negative'."
    parts = take_apart(original, LABELS)
    rewordings = {parts[0].text: ["Judge how friendly it sounds.", "How does the author like it?"]}
    found = compose(
        original,
        parts,
        rewordings,
        wanted=9,
        label_words=LABELS,
        filters=Filters(),
        similarity=None,
        seed=0,
    )
    # two per rewording: their answer forms alone would differ
    assert len(found) == 4
    assert sum(text.startswith("Judge how friendly") for text in found) == 2
    assert not any(text.startswith("What is the tone") for text in found)
