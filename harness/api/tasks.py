"""A task as an argument: by name, by its file's content, or made of rows in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.api.words import in_python
from harness.core.errors import UsageError
from harness.core.names import to_names
from harness.tasks.schema import TaskSpec
from harness.tasks.yamlfile import parse_content

if TYPE_CHECKING:
    import pandas as pd

TaskLike: TypeAlias = str | Path | Mapping[str, object]
"""A task by name, by its file, or as that file's content."""
TasksLike: TypeAlias = TaskLike | Sequence[TaskLike]
Labels: TypeAlias = Sequence[str] | Mapping[Any, str]
"""Labels by name; or what stands in the rows -> the word that a model should say."""


@in_python
def make_task(
    rows: pd.DataFrame | Iterable[Mapping[str, object]],
    *,
    name: str,
    labels: Labels,
    instructions: str | Sequence[str],
    input: str = "{{ text }}",  # noqa: A002  (the key of a task file)
    label_field: str = "label",
    answer_cue: str = "",
    description: str = "",
) -> dict[str, object]:
    """Make a task of rows in memory, for `harness.run(tasks=...)`.

    Args:
        rows: A pandas frame, or mappings of fields.
        name: What reports call the task.
        labels: The answers, as they stand in the rows; or a mapping of what stands there to the
            word that a model should say, such as `{0: "negative", 1: "positive"}`.
        instructions: Clean instructions, one or several, each naming the labels.
        input: Jinja template of a row's fields, shown below the instruction.
        label_field: The field with the right answer.
        answer_cue: The line that ends a plain prompt, such as `Answer:`.
        description: What the task is.

    Returns:
        The content of a task file, its rows included; more of its keys may be added.

    Raises:
        UsageError: A value that a task file could not hold.

    Example:
        >>> frame = pd.DataFrame({"text": ["A warm film.", "Dull."], "label": [1, 0]})
        >>> task = harness.make_task(
        ...     frame,
        ...     name="films",
        ...     labels={0: "negative", 1: "positive"},
        ...     instructions="Is the review 'positive' or 'negative'?",
        ... )
        >>> harness.run("smollm2-135m", tasks=task)
    """
    content: dict[str, object] = {
        "name": name,
        "description": description,
        "source": {"rows": _plain_rows(rows)},
        "input": input,
        "label_field": label_field,
        "answer_cue": answer_cue,
        "labels": [{"name": word, "value": value} for value, word in labels.items()]
        if isinstance(labels, Mapping)
        else list(labels),
        "instructions": [instructions] if isinstance(instructions, str) else list(instructions),
    }
    parse_task(content)
    return content


def parse_task(content: Mapping[str, object]) -> TaskSpec:
    """A task file's content, checked.

    Raises:
        UsageError: it breaks a rule of task files; the message names the key.
    """
    name = content.get("name")
    where = f"the task {name!r}" if isinstance(name, str) else "the task"
    return parse_content(content, TaskSpec, where=where)


def split_tasks(given: TasksLike) -> tuple[tuple[str, ...], tuple[TaskSpec, ...]]:
    """The names of all tasks in their order, and the content of those that are no files.

    Raises:
        UsageError: two tasks of one name, or content that is no task.
    """
    each = [given] if isinstance(given, str | Path | Mapping) else list(given)
    specs = tuple(parse_task(one) for one in each if isinstance(one, Mapping))
    contents = iter(specs)
    names = [next(contents).name if isinstance(one, Mapping) else str(one) for one in each]
    for spec in specs:
        if names.count(spec.name) > 1:
            raise UsageError(f"two tasks are called {spec.name!r}.", hint="Rename one.")
    return to_names(names), specs


def _plain_rows(rows: pd.DataFrame | Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows as plain mappings; a field that a frame has no value for is left out."""
    import pandas as pd

    if not isinstance(rows, pd.DataFrame):
        return [_plain_row(row, number) for number, row in enumerate(rows, 1)]
    present = rows.notna().to_numpy()
    return [
        {str(name): value for (name, value), there in zip(row.items(), own, strict=True) if there}
        for row, own in zip(rows.to_dict("records"), present, strict=True)
    ]


def _plain_row(row: object, number: int) -> dict[str, object]:
    if not isinstance(row, Mapping):
        raise UsageError(
            f"row {number} is a mapping of fields, not {type(row).__name__}.",
            hint="Pass a pandas frame, or a list of dicts.",
        )
    return {str(name): value for name, value in row.items()}
