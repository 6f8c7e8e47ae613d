"""Shipped paraphrases: which tasks and instructions get them, and that nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.core.records import Instruction
from harness.tasks import Task, load_tasks
from harness.tasks.schema import LabelSpec
from harness.tasks.task_types import add_type_paraphrases, find_type, read_types
from perturbations.audit import protected_intact

STARTER = ("sentiment", "topic", "inference", "paraphrase", "acceptability")


def load(name: str) -> Task:
    task = load_tasks(suite=None, names=(name,), data_dir=None, few_shot=False)[0]
    return replace(task, paraphrases={})


def task_of(labels: dict[str, str], *instructions: str) -> Task:
    specs = tuple(LabelSpec(name=name, word=word) for name, word in labels.items())
    asked = tuple(Instruction(f"i{n}", "task", text) for n, text in enumerate(instructions))
    return replace(load("sentiment"), labels=specs, instructions=asked)


@pytest.mark.parametrize("name", STARTER)
def test_starter_tasks_are_known_by_labels_and_words(name: str) -> None:
    task = add_type_paraphrases(load(name))
    assert len(task.paraphrases) >= 3
    for instruction in task.instructions:
        for text in task.paraphrases.get(instruction.id, ()):
            assert protected_intact(instruction.text, text, task.label_words)
            assert all(word in text for word in task.label_words)
            assert "{" not in text


def test_a_label_fills_the_slot_of_its_meaning() -> None:
    labels = {"not_entailment": "nein", "entailment": "ja"}
    task = task_of(labels, "Does the hypothesis follow from the premise? Say 'ja' or 'nein'.")
    texts = add_type_paraphrases(task).paraphrases["i0"]
    expected = (
        "Check if the hypothesis is guaranteed by the premise. Write 'ja' if it is and 'nein'"
    )
    assert f"{expected} if it is not." in texts


@pytest.mark.parametrize(
    ("labels", "instruction"),
    [
        # yes and no alone do not tell which is which
        ({"yes": "yes", "no": "no"}, "Is the sentence ungrammatical? Answer 'yes' or 'no'."),
        # the request is narrower than the type
        (
            {"positive": "positive", "negative": "negative"},
            "What is the sentiment towards the camera, 'positive' or 'negative'?",
        ),
        # what it fixes would be lost
        (
            {"positive": "positive", "negative": "negative"},
            "Rate the sentiment in at most 3 words: 'positive' or 'negative'.",
        ),
        ({"positive": "positive", "negative": "negative"}, "Read {text}. Sentiment?"),
        # a label that the type does not know
        ({"positive": "positive", "weird": "weird"}, "What is the sentiment?"),
        # it speaks of nothing that the type is about
        (
            {"positive": "positive", "negative": "negative"},
            "Was the test for the virus good?",
        ),
    ],
)
def test_what_does_not_surely_fit_gets_nothing(labels: dict[str, str], instruction: str) -> None:
    task = task_of(labels, instruction)
    assert find_type(task, instruction) is None
    assert add_type_paraphrases(task) == task


def test_own_paraphrases_are_left_alone() -> None:
    task = replace(load("sentiment"), paraphrases={"task-1": ("Mine.",)})
    assert add_type_paraphrases(task).paraphrases["task-1"] == ("Mine.",)


def test_the_types_are_well_formed() -> None:
    types = read_types()
    assert len({kind.name for kind in types}) == len(types) >= 12
    assert all(len(kind.texts) >= 5 for kind in types)
