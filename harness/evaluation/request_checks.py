"""The checks of a prepared run's first prompts, task by task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.core.records import CLEAN, Cell
from harness.prompting.checks import check_answer_lengths, check_prompt, control_token_note
from harness.tasks.checks import task_notes

if TYPE_CHECKING:
    from harness.evaluation.prepare import RunPlan
    from harness.models.contract import Tokenizer
    from harness.prompting.prompts import Prompter
    from harness.tasks.task import Task


def check_requests(run: RunPlan) -> None:
    """Validate one prompt per task, its labels' lengths and its content-free inputs.

    Raises:
        UsageError: a model would be asked something else, or could not give an answer.
    """
    for task in run.plan.tasks:
        tools, variant = run.tools[task.name], run.plan.variants[task.name][0]
        check_first_prompt(tools.prompter, task, variant.text)
        if task.prefill:  # a server that begins answers itself refuses it
            tools.builder.contexts(tools.prompts_of([Cell(variant, task.examples[0])]))
        if "calibrated" in run.scorers.of(task):
            task.content_free_inputs()
    check_generated_answers(run)


def check_generated_answers(run: RunPlan) -> None:
    """Validate that generated text can hold every label, where text is generated.

    Raises:
        UsageError: a label has more tokens than an answer may have.
    """
    for task in run.plan.tasks:
        if task.answer is not None or "generate" not in run.scorers.of(task):
            continue
        said = (word for example in task.examples for word in example.words.values())
        check_answer_lengths(
            run.tools[task.name].prompter,
            run.model.tokenizer,
            task.label_words or tuple(dict.fromkeys(said)),
            task=task.name,
            limit=run.config.max_new_tokens,
        )


def has_system_text(task: Task) -> bool:
    """Whether a task has a system text, its own or one of its conversations'."""
    own = (turn.role for example in task.examples for turn in example.turns[:1])
    return bool(task.system) or "system" in own


def check_first_prompt(prompter: Prompter, task: Task, instruction: str) -> None:
    """Validate the prompt of a task's first example that has an input.

    Raises:
        UsageError: it does not hold the instruction or the input.
    """
    example = next((one for one in task.examples if one.input), task.examples[0])
    check_prompt(prompter, instruction, example, task=task.name)


def request_notes(run: RunPlan) -> Iterator[str]:
    """What a user should know about the tasks of a run before reading its numbers."""
    for task in run.plan.tasks:
        clean = [v.text for v in run.plan.variants[task.name] if v.level == CLEAN]
        yield from notes_on_task(task, clean, run.model.tokenizer)
        if not run.tools[task.name].prompter.has_system_role:
            yield (
                f"task {task.name!r}: the model's chat template has no system role, so the system "
                "text opens the user's first turn."
            )


def notes_on_task(task: Task, instructions: Sequence[str], tokenizer: Tokenizer) -> Iterator[str]:
    """What a user should know about one task, asked with these instructions."""
    yield from task_notes(task)
    texts = [*instructions, *(example.input for example in task.examples)]
    note = control_token_note(tokenizer, texts, task=task.name)
    if note is not None:
        yield note
