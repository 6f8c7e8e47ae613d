"""Everything that is wrong with a task file, found at once: its keys, rows, texts and balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from harness.authoring.problem import Problem, problem_of
from harness.authoring.row_problems import find_row_problems
from harness.authoring.text_problems import find_data_problems, find_missing_words
from harness.core.errors import UsageError
from harness.tasks.checks import text_problems
from harness.tasks.load import build_task
from harness.tasks.rows import Row
from harness.tasks.schema import Source, TaskSpec
from harness.tasks.sources import open_source
from harness.tasks.task import Task
from harness.tasks.template import Template, compile_template
from harness.tasks.yamlfile import Mistake, find_mistakes, parse_yaml, read_text


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a task file."""

    path: Path
    problems: tuple[Problem, ...]
    task: Task | None = None
    """The task, where nothing keeps it from being run."""

    @property
    def errors(self) -> int:
        """How many problems keep the task from being run."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def classes(self) -> dict[str, int]:
        """Gold label -> how many examples have it, of a task with labels."""
        if self.task is None:
            return {}
        gold = Counter(example.gold for example in self.task.examples)
        return {name: gold[name] for name in self.task.label_names}


def inspect_task(path: Path, *, data_dir: Path | None) -> Inspection:
    """Look for every problem of a task file, and of its rows.

    Args:
        path: The task file.
        data_dir: The data folder, for sources that lie there.

    Returns:
        All problems; beside them the task, where it could be run.

    Raises:
        UsageError: the file cannot be read, or is no YAML mapping.
    """
    root, content = parse_yaml(read_text(path, what="task"), where=str(path))
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a task file is a mapping of keys, this is not.")
    mistakes = find_mistakes(content, TaskSpec, root)
    problems = [Problem("error", f"line {one.line}", one.message) for one in mistakes]
    spec = _spec_without(content, mistakes)
    if spec is None:
        return Inspection(path, (*problems, *_problems_of_parts(content, path, data_dir)))
    reader = _Reader(spec, path, data_dir)
    problems += reader.find()
    if any(one.severity == "error" for one in problems):
        return Inspection(path, tuple(problems))
    try:
        task = build_task(spec, path, data_dir=data_dir, few_shot=True)
    except UsageError as error:
        return Inspection(path, (*problems, problem_of(error, "task", path)))
    return Inspection(path, (*problems, *find_data_problems(task)), task)


def _spec_without(content: Mapping[str, object], mistakes: Sequence[Mistake]) -> TaskSpec | None:
    """What the file says beside its mistakes, where that is a task; misspelt keys are put right."""
    wrong = {one.keys[0] for one in mistakes if one.keys}
    rest = {key: value for key, value in content.items() if key not in wrong}
    for key in wrong & set(content) - set(TaskSpec.model_fields):
        near = get_close_matches(str(key), set(TaskSpec.model_fields) - set(content), n=1)
        rest |= {name: content[str(key)] for name in near}
    return None if find_mistakes(rest, TaskSpec, None) else TaskSpec.model_validate(rest)


def _problems_of_parts(
    content: Mapping[str, object], path: Path, data_dir: Path | None
) -> Iterator[Problem]:
    """What can be said of a file that is no task: whether its rows and its template can be read."""
    source, text = content.get("source"), content.get("input")
    if isinstance(source, dict) and not find_mistakes(source, Source, None):
        yield from _try_rows(Source.model_validate(source), "source", path, data_dir)[1]
    if isinstance(text, str):
        yield from _try_template(text, path)[1]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what a task file names, and keeps going where something cannot be read."""

    spec: TaskSpec
    path: Path
    data_dir: Path | None

    def find(self) -> Iterator[Problem]:
        spec, path = self.spec, self.path
        yield from find_missing_words(spec)
        template, failed = _try_template(spec.input, path)
        yield from failed
        for what, source in (("rows", spec.source), ("few_shot rows", spec.few_shot)):
            if source is not None:
                rows, failed = _try_rows(source, what, path, self.data_dir)
                yield from failed
                yield from self._look_at(rows, template, what)

    def _look_at(
        self, rows: Sequence[Row], template: Template | None, what: str
    ) -> Iterator[Problem]:
        if template is None or not rows:
            return
        yield from find_row_problems(self.spec, rows, template, self.path, what)
        if what == "rows":
            fields = {n: value for row in rows for n, value in row.items() if value is not None}
            for error in text_problems(self.spec, template, fields, self.path):
                yield problem_of(error, "texts", self.path)


def _try_rows(
    source: Source, what: str, path: Path, data_dir: Path | None
) -> tuple[Sequence[Row], list[Problem]]:
    try:
        return list(open_source(source, beside=path.parent, data_dir=data_dir)), []
    except UsageError as error:
        return [], [problem_of(error, what, path)]


def _try_template(text: str, path: Path) -> tuple[Template | None, list[Problem]]:
    try:
        return compile_template(text, where=str(path)), []
    except UsageError as error:
        return None, [problem_of(error, "input", path)]
