"""What is probably wrong with a task that can be run: its texts, its balance, its size."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from harness.authoring.problem import Problem
from harness.tasks.checks import shorten, task_notes
from harness.tasks.schema import TaskSpec
from harness.tasks.task import Task

FEW_EXAMPLES: Final = 30
"""Fewer are hardly enough to find a drop; see docs/reading-the-numbers.md."""
_NAMED: Final = 3


def find_missing_words(spec: TaskSpec) -> Iterator[Problem]:
    """Instructions and paraphrases that do not say every label word."""
    words = [label.answer for label in spec.labels]
    texts: dict[str, list[str]] = {one.id: [one.text] for one in spec.instructions}
    for where, own in texts.items():
        yield from _lacking(f"instruction {where}", own[0], words)
    for name, bank in spec.paraphrases.items():
        for number, text in enumerate(bank, 1):
            yield from _lacking(f"paraphrase {number} of {name}", text, words)


def _lacking(where: str, text: str, words: list[str]) -> Iterator[Problem]:
    missing = [word for word in words if not _says(text, word)]
    if missing:
        listed = ", ".join(repr(word) for word in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        yield Problem(
            "warning",
            where,
            f"does not say {listed}{more}, so that a model cannot know to answer so.",
        )


def _says(text: str, word: str) -> bool:
    before, after = (
        r"(?<!\w)" if word[0].isalnum() else "",
        r"(?!\w)" if word[-1].isalnum() else "",
    )
    if not word.isascii():
        before = after = ""  # scripts without spaces have no ends of words
    return bool(re.search(before + re.escape(word) + after, text, re.IGNORECASE))


def find_data_problems(task: Task) -> Iterator[Problem]:
    """What a user should know about a task's data and texts before running it."""
    for note in task_notes(task):
        yield Problem("warning", "task", note.removeprefix(f"task {task.name!r}: "))
    gold = Counter(example.gold for example in task.examples)
    for name in task.label_names:
        if not gold[name]:
            yield Problem("warning", "labels", f"no row has the label {name!r}.")
    yield from _contradictions(task)
    yield from _sizes(task)


def _contradictions(task: Task) -> Iterator[Problem]:
    answers: Mapping[str, dict[str, str]] = defaultdict(dict)
    for example in task.examples:
        answers[example.input].setdefault(example.gold, example.id)
    for text, found in answers.items():
        if len(found) > 1:
            said = " and ".join(f"{gold!r} (id {identity})" for gold, identity in found.items())
            yield Problem(
                "warning", "rows", f"one input has several answers, {said}: {shorten(text, 60)!r}."
            )


def _sizes(task: Task) -> Iterator[Problem]:
    if len(task.examples) < FEW_EXAMPLES:
        yield Problem(
            "warning",
            "rows",
            f"{len(task.examples)} examples find large drops only; {FEW_EXAMPLES} are few, 100 are "
            "good.",
        )
    if len(task.instructions) < 3:
        yield Problem(
            "warning",
            "instructions",
            f"with {len(task.instructions)}, nothing can be said of how instructions differ; write "
            "3 or more.",
        )
