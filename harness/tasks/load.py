"""From a task file to a task: rows read, inputs rendered, labels checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError, nearest_hint
from harness.core.records import Example
from harness.tasks.checks import check_texts, shorten
from harness.tasks.rows import Row, read_source
from harness.tasks.schema import Source, TaskSpec
from harness.tasks.suites import suite_task_paths, task_path
from harness.tasks.task import Task
from harness.tasks.task_types import add_type_paraphrases
from harness.tasks.template import Template, compile_template
from harness.tasks.yamlfile import read_yaml


def load_tasks(
    *,
    suite: str | None,
    names: Sequence[str],
    data_dir: Path | None,
    few_shot: bool = False,
    specs: Sequence[TaskSpec] = (),
) -> list[Task]:
    """The tasks of a suite, or those named; after them those of `specs`, which are no files.

    Where both are given, names of the suite's own tasks pick these out of it, and others are added.

    Raises:
        UsageError: an unknown name, two tasks of one name, or a task that cannot be loaded.
    """
    paths = _choose_paths(suite_task_paths(suite) if suite else [], names)
    tasks = [load_task(path, data_dir=data_dir, few_shot=few_shot) for path in paths]
    tasks += [
        build_task(spec, Path(f"the task {spec.name!r}"), data_dir=data_dir, few_shot=few_shot)
        for spec in specs
    ]
    seen: dict[str, str] = {}
    for task in tasks:
        if task.name in seen:
            raise UsageError(
                f"two tasks are called {task.name!r}: {seen[task.name]} and {task.source}.",
                hint="Change the `name:` of one.",
            )
        seen[task.name] = task.source
    return tasks


def _choose_paths(suite: Sequence[Path], names: Sequence[str]) -> list[Path]:
    named = [task_path(name) for name in names]
    kept = suite if set(suite).isdisjoint(named) else []
    return list(dict.fromkeys([*kept, *named]))


def load_task(path: Path, *, data_dir: Path | None, few_shot: bool = False) -> Task:
    """A task with all of its examples; few-shot rows are read where asked for.

    Raises:
        UsageError: a bad task file, no rows, a missing field, or a label not among the labels.
    """
    spec = read_yaml(path, TaskSpec, what="task")
    return build_task(spec, path, data_dir=data_dir, few_shot=few_shot)


def build_task(
    spec: TaskSpec, path: Path, *, data_dir: Path | None, few_shot: bool = False
) -> Task:
    """A task from its file's content.

    Args:
        spec: The content.
        path: The file, for messages; its folder is where files of rows are looked for.
        data_dir: The data folder.
        few_shot: Whether to read few-shot rows.

    Raises:
        UsageError: no rows, a missing field, or a label not among the labels.
    """
    template = compile_template(spec.input, where=str(path))
    examples = _read_examples(spec, spec.source, template, path, data_dir)
    check_texts(spec, template, examples[0].fields, path)
    answered: tuple[Example, ...] = ()
    if few_shot and spec.few_shot is not None:
        answered = _read_examples(spec, spec.few_shot, template, path, data_dir)
    asked = {example.input for example in examples}
    shots = tuple(example for example in answered if example.input not in asked)
    task = Task(
        name=spec.name,
        description=spec.description,
        labels=spec.labels,
        chance=spec.chance if spec.chance is not None else 1 / len(spec.labels),
        answer_cue=spec.answer_cue.strip(),
        template=template,
        instructions=tuple(instruction.record() for instruction in spec.instructions),
        paraphrases={key: tuple(t.strip() for t in v) for key, v in spec.paraphrases.items()},
        examples=examples,
        placement=spec.placement,
        scorer=spec.scorer,
        few_shot=shots,
        few_shot_left_out=len(answered) - len(shots),
        source=str(path),
    )
    return add_type_paraphrases(task)


def _read_examples(
    spec: TaskSpec, source: Source, template: Template, path: Path, data_dir: Path | None
) -> tuple[Example, ...]:
    try:
        rows = read_source(source, beside=path.parent, data_dir=data_dir)
    except UsageError as error:
        raise UsageError(f"task {spec.name!r}: {error.message}", hint=error.hint) from None
    names = {key: label.name for label in spec.labels for key in label.keys}
    examples = tuple(
        make_example(spec, row, index, template, names, path) for index, row in enumerate(rows)
    )
    _check_ids(spec, examples, path)
    return examples


def make_example(
    spec: TaskSpec, row: Row, index: int, template: Template, names: dict[str, str], path: Path
) -> Example:
    """The example of a row.

    Raises:
        UsageError: the row lacks a field, its label is none of the labels, or the template fails.
    """
    fields = {str(name): value for name, value in row.items() if value is not None}
    for wanted, what in ((spec.label_field, "label_field"), (spec.id_field, "id_field")):
        if wanted is not None and wanted not in fields:
            has = ", ".join(sorted(fields)) or "no fields"
            raise UsageError(
                f"{path}: {what} names {wanted!r}, which row {index + 1} does not have; it has "
                f"{has}.{nearest_hint(wanted, fields)}"
            )
    value = str(fields[spec.label_field])
    if value not in names:
        raise UsageError(
            f"{path}: row {index + 1} has the label {shorten(value, 60)!r}, which is not among the "
            f"labels ({shorten(', '.join(names), 200)}).{nearest_hint(value, names)}"
        )
    identity = str(fields[spec.id_field]) if spec.id_field else str(index)
    text = template.render(fields, row=f"row {index + 1}")
    return Example(id=identity, fields=fields, input=text, gold=names[value])


def _check_ids(spec: TaskSpec, examples: Sequence[Example], path: Path) -> None:
    seen: set[str] = set()
    for index, example in enumerate(examples):
        if example.id in seen:
            raise UsageError(
                f"{path}: row {index + 1} repeats the id {example.id!r} of field "
                f"{spec.id_field!r}; ids must be unique."
            )
        seen.add(example.id)
