"""Which instructions a run starts from: the task's own, some of them, or PromptBench's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from harness.core.errors import UsageError, nearest_hint
from harness.tasks import Task
from perturbations.external.promptbench_prompts import PACKAGE, read_instructions

SOURCE: Final = rf"^{PACKAGE}(:[1-9]\d*)?$"
"""What `--instructions` may be beside a number."""


def parse_instructions(text: str | None) -> int | str | None:
    """The value of `--instructions`: a number, or a source with or without one.

    Raises:
        UsageError: it is neither.
    """
    if text is None or re.match(SOURCE, text):
        return text
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise UsageError(
        f"--instructions {text!r} is neither a number from 1 nor a source of instructions."
        f"{nearest_hint(text, [PACKAGE])}",
        hint=f"Type for example: --instructions 4, {PACKAGE} or {PACKAGE}:4.",
    )


def choose_instructions(task: Task, wanted: int | str | None) -> Task:
    """The task with the wanted instructions; others than its own have no paraphrase bank.

    Raises:
        MissingPackageError: the source's package is not installed.
        UsageError: the source has nothing for this task and its label words.
    """
    if not isinstance(wanted, str):
        return task.with_instructions(wanted)
    _, _, count = wanted.partition(":")
    published = read_instructions(task.name, task.label_words)
    sourced = replace(task, instructions=published, paraphrases={})
    return sourced.with_instructions(int(count) if count else None)
