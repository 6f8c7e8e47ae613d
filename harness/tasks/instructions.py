"""Which instructions a run starts from: the task's own, some of them, or PromptBench's."""

from __future__ import annotations

from dataclasses import replace

from harness.tasks import Task
from harness.tasks.task_types import add_type_paraphrases
from perturbations.external.promptbench_prompts import read_instructions


def choose_instructions(task: Task, wanted: int | str | None) -> Task:
    """The task with the wanted instructions; others than its own have its type's paraphrases.

    Raises:
        MissingPackageError: the source's package is not installed.
        UsageError: the source has nothing for this task and its label words.
    """
    if not isinstance(wanted, str):
        return task.with_instructions(wanted)
    _, _, count = wanted.partition(":")
    published = read_instructions(task.name, task.label_words)
    sourced = add_type_paraphrases(replace(task, instructions=published, paraphrases={}))
    return sourced.with_instructions(int(count) if count else None)
