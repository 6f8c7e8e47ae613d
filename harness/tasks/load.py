"""From a task file to a task: rows read, inputs rendered, labels checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.records import Example
from harness.tasks.checks import check_texts
from harness.tasks.choices import LETTERS
from harness.tasks.examples import ExampleReader, Sample, input_key
from harness.tasks.schema import LabelSpec, TaskSpec
from harness.tasks.suites import suite_task_paths, task_path
from harness.tasks.task import Task
from harness.tasks.task_types import add_type_paraphrases
from harness.tasks.template import compile_template
from harness.tasks.yamlfile import read_yaml


def load_tasks(
    *,
    suite: str | None,
    names: Sequence[str],
    data_dir: Path | None,
    few_shot: bool = False,
    specs: Sequence[TaskSpec] = (),
    sample: Sample | None = None,
) -> list[Task]:
    """The tasks of a suite, or those named; after them those of `specs`, which are no files.

    Where both are given, names of the suite's own tasks pick these out of it, and others are added.

    Raises:
        UsageError: an unknown name, two tasks of one name, or a task that cannot be loaded.
    """
    paths = _choose_paths(suite_task_paths(suite) if suite else [], names)
    read = [(read_yaml(path, TaskSpec, what="task"), path) for path in paths]
    read += [(spec, Path(f"the task {spec.name!r}")) for spec in specs]
    tasks = [
        build_task(spec, path, data_dir=data_dir, few_shot=few_shot, sample=sample)
        for spec, path in read
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
    spec: TaskSpec,
    path: Path,
    *,
    data_dir: Path | None,
    few_shot: bool = False,
    sample: Sample | None = None,
) -> Task:
    """A task from its file's content.

    Args:
        spec: The content.
        path: The file, for messages; its folder is where files of rows are looked for.
        data_dir: The data folder.
        few_shot: Whether to read few-shot rows.
        sample: What to draw of the examples; all without a draw where it is None.

    Raises:
        UsageError: no rows, a missing field, or a label not among the labels.
    """
    template = compile_template(spec.input, where=str(path))
    answered: tuple[Example, ...] = ()
    with_shots = few_shot and spec.few_shot is not None
    reader = ExampleReader(spec, spec.source, template, path, data_dir)
    own = reader.read(sample, with_inputs=with_shots)
    check_texts(spec, template, own.examples[0].fields, path)
    if few_shot and spec.few_shot is not None:
        answered = ExampleReader(spec, spec.few_shot, template, path, data_dir).read().examples
    shots = tuple(example for example in answered if input_key(example.input) not in own.inputs)
    task = Task(
        name=spec.name,
        description=spec.description,
        labels=_labels(spec, own.examples),
        chance=spec.chance if spec.chance is not None else _chance(spec, own.examples),
        answer_cue=spec.answer_cue.strip(),
        template=template,
        instructions=tuple(instruction.record() for instruction in spec.instructions),
        paraphrases={key: tuple(t.strip() for t in v) for key, v in spec.paraphrases.items()},
        examples=own.examples,
        drawn=own.drawn,
        placement=spec.placement,
        gap=spec.gap,
        scorer=spec.scorer,
        few_shot=shots,
        few_shot_left_out=len(answered) - len(shots),
        source=str(path),
        choices=spec.choices,
        answer=spec.grading,
        metrics=spec.metrics,
        order=spec.order,
        system=spec.system.strip(),
        messages=spec.messages,
        prefill=spec.prefill,
    )
    return add_type_paraphrases(task)


def _labels(spec: TaskSpec, examples: Sequence[Example]) -> tuple[LabelSpec, ...]:
    """The task's labels; of choices the letters of the longest list of options."""
    if spec.choices is None:
        return () if spec.multiple else spec.labels
    most = max(len(example.options) for example in examples)
    return tuple(LabelSpec(name=letter) for letter in LETTERS[:most])


def _chance(spec: TaskSpec, examples: Sequence[Example]) -> float:
    """What guessing scores: one of the labels, one of each row's options; of free text nothing."""
    if spec.grading is not None:
        return 0.0
    if spec.choices is not None:
        return math.fsum(1 / len(example.options) for example in examples) / len(examples)
    return 1 / len(spec.labels)
