"""What in a task is surely or probably a mistake: checked once, before a model is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.core.errors import UsageError
from harness.tasks.schema import TaskSpec
from harness.tasks.template import Template, reachable, template_name

if TYPE_CHECKING:
    from harness.tasks.task import Task

_JINJA: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_BRACED: Final = re.compile(r"(?<!\{)\{\s*([A-Za-z_]\w*)\s*\}(?!\})")
MOSTLY_ONE: Final = 0.9
"""Share of one gold label from which data are called one-sided."""


def check_texts(
    spec: TaskSpec, template: Template, fields: Mapping[str, object], path: Path
) -> None:
    """Validate that the template shows a field, and that no text holds a place nothing fills.

    Args:
        spec: The task file's content.
        template: Its compiled input template.
        fields: The fields of a row.
        path: The task file, for messages.

    Raises:
        UsageError: every example would be asked the same, or a placeholder would stay as it is.
    """
    for problem in text_problems(spec, template, fields, path):
        raise problem


def text_problems(
    spec: TaskSpec, template: Template, fields: Mapping[str, object], path: Path
) -> Iterator[UsageError]:
    """Everything that `check_texts` would refuse."""
    single = _placeholder(spec.input, fields)
    hint = f"Type: {{{{ {template_name(single or next(iter(fields), 'text'))} }}}}"
    if single is not None:
        yield UsageError(
            f"{path}: the input template shows {{{single}}} as it stands, not the field "
            f"{single!r}, which takes two braces.",
            hint=hint,
        )
    elif not set(template.fields) & set(reachable(fields)):
        yield UsageError(
            f"{path}: the input template shows no field of the rows, so that every example is "
            f"asked the same; a row has {shorten(', '.join(fields), 200)}.",
            hint=hint,
        )
    texts = {f"instruction {one.id!r}": [one.text] for one in spec.instructions}
    texts |= {f"a paraphrase of {name!r}": list(own) for name, own in spec.paraphrases.items()}
    texts |= {"the system text": [spec.system], "the prefill": [spec.prefill]}
    texts |= {"the answer cue": [spec.answer_cue]}
    for where, own in texts.items():
        for text in own:
            yield from _unfilled(text, fields, f"{path}: {where}")


def _unfilled(text: str, fields: Mapping[str, object], where: str) -> Iterator[UsageError]:
    jinja = _JINJA.search(text)
    single = _placeholder(text, fields)
    found = jinja[0] if jinja else f"{{{single}}}" if single else None
    if found is not None:
        yield UsageError(
            f"{where} holds the placeholder {shorten(found, 60)}, which nothing fills: the row is "
            "shown by `input`, below the instruction.",
            hint="Take it out of the text.",
        )


def _placeholder(text: str, fields: Collection[str]) -> str | None:
    """The first field in single braces."""
    names = (match[1] for match in _BRACED.finditer(_JINJA.sub("", text)))
    return next((name for name in names if name in fields), None)


def task_notes(task: Task) -> list[str]:
    """What a user should know about a task's data before its numbers are read."""
    gold = Counter(example.gold for example in task.examples)
    label, count = gold.most_common(1)[0]
    share = count / len(task.examples)
    texts = Counter(instruction.text for instruction in task.instructions)
    twice = [one.id for one in task.instructions if texts[one.text] > 1]
    inputs = Counter(example.input for example in task.examples)
    empty = sum(not example.input for example in task.examples)
    notes = [
        (
            share >= MOSTLY_ONE and task.kind != "answer",
            f"{count} of {len(task.examples)} examples have the label {label!r}",
        ),
        (bool(twice), f"the instructions {' and '.join(twice)} are one text"),
        (empty > 0, f"{empty} of {len(task.examples)} examples have an empty input"),
        (
            len(inputs) < len(task.examples),
            f"{len(task.examples) - len(inputs)} of {len(task.examples)} examples repeat the input "
            "of another",
        ),
        (
            task.few_shot_left_out > 0,
            f"{task.few_shot_left_out} few-shot rows are evaluated examples and are not shown",
        ),
    ]
    return [f"task {task.name!r}: {text}." for applies, text in notes if applies]


def shorten(text: str, length: int) -> str:
    """The text, cut with an ellipsis where it is longer than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
