"""Tasks of rows' own options and of free text, and the commands that make or check task files."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from harness.core.errors import HarnessError, UsageError
from harness.core.records import Request, Response, stable_hash
from tests.support.fuzzing.kind import Kind, evaluate, write_rows
from tests.support.kinds import answer_task, choice_task
from tests.support.mutated_task import ROWS, TASK
from tests.support.victims import TouchyModel

_SAID: Final = (
    "The answer is Paris.", '{"city": "Rome", "score": 3}', "", "42", "<think>hm", "A", "correct",
    "No. incorrect", "Oslo\nBern", "\\boxed{7}", "1,000.50 €", "[" * 300, "é" * 300,
)  # fmt: skip
_CHECKED: Final = {"type": "object", "required": ["city"], "properties": {"city": {"pattern": "R"}}}
GRADERS: Final[tuple[Mapping[str, Any], ...]] = (
    {"grader": "exact", "extract": {"regex": "answer is ([A-Z][a-z]+)", "match": "last"}},
    {"grader": {"name": "regex", "pattern": "(Paris|Rome)", "match": "first"}, "stop": ["\n"]},
    {"grader": {"name": "json_schema", "schema": _CHECKED}},
    {"grader": {"name": "token_f1", "language": "en"}, "extract": "final"},
    {"grader": {"name": "contains"}, "strip_reasoning": False},
    {"grader": {"name": "judge", "prompt": "Q: {{ question }} A: {{ answer }} Is it right?"}},
    {"grader": "json_fields"},
    {"grader": {"name": "numeric", "relative": 0.01}, "extract": "last_number"},
    {"grader": "chrf"},
)
"""The `answer:` parts that are damaged."""


class Anything(TouchyModel):
    """A model that scores any continuation and says anything."""

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """A score of each continuation by its hash."""
        for index, one in enumerate(requests):
            names = one.continuations
            yield (
                index,
                Response({name: -(stable_hash(str(one.context), name) % 9) for name in names}),
            )

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """One of a few texts by the prompt's hash."""
        for index, one in enumerate(requests):
            yield index, Response(text=_SAID[stable_hash(str(one.context)) % len(_SAID)])


def _split(task: dict[str, Any], folder: Path) -> None:
    """Write a task with its rows in a file of their own."""
    write_rows(folder / "rows.jsonl", task["source"]["rows"])
    spoken = {**task, "source": {"file": "rows.jsonl"}}
    (folder / "task.yaml").write_text(yaml.safe_dump(spoken, sort_keys=False), "utf-8")


def _choices(folder: Path) -> None:
    _split(choice_task(), folder)


def _answers(number: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        task = answer_task(**GRADERS[number])
        for place, row in enumerate(task["source"]["rows"]):
            if "json_fields" in str(GRADERS[number]):
                row["answer"] = '{"city": "Rome"}'
            if "numeric" in str(GRADERS[number]):
                row["answer"] = place * 7
        _split(task, folder)

    return make


def _ask(**options: Any) -> Callable[[Path], None]:
    return lambda folder: evaluate(folder, model=Anything(), limit=None, **options)


def _inspect(folder: Path) -> None:
    """What a check finds, and whether a run would find the same."""
    from harness.authoring.inspection import inspect_task
    from harness.authoring.preview import preview_prompts

    found = inspect_task(folder / "task.yaml", data_dir=None)
    if found.task is not None:
        assert preview_prompts(found.task)
    fault = _load_fault(folder / "task.yaml")
    assert bool(found.errors) == bool(fault), f"check finds {found.problems}, a run {fault!r}"
    if fault:
        raise UsageError(fault)


def _load_fault(path: Path) -> str:
    from harness.tasks import load_tasks

    try:
        load_tasks(suite=None, names=(str(path),), data_dir=None)
    except HarnessError as error:
        return error.message
    return ""


def _check(folder: Path) -> None:
    for part in ("labels", "choices", "answer"):
        (folder / part).mkdir()
    (folder / "labels" / "task.yaml").write_text(TASK, "utf-8")
    write_rows(folder / "labels" / "rows.jsonl", ROWS)
    _choices(folder / "choices")
    _answers(0)(folder / "answer")


def _inspect_each(folder: Path) -> None:
    faults = []
    for part in ("labels", "choices", "answer"):
        try:
            _inspect(folder / part)
        except UsageError as error:
            faults.append(error)
    if faults:
        raise faults[0]


def _tables(folder: Path) -> None:
    (folder / "csv").mkdir()
    with (folder / "csv" / "rows.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerows([ROWS[0], *(row.values() for row in ROWS)])
    for name, task in (("choices", choice_task()), ("answers", answer_task())):
        (folder / name).mkdir()
        write_rows(folder / name / "rows.jsonl", task["source"]["rows"])


def _init(folder: Path) -> None:
    """Draft a task of each table; what was drafted must be a task."""
    from harness.authoring.init import init_task

    refused = []
    for data in sorted(folder.glob("*/rows.*")):
        try:
            drafted = init_task(str(data), out=data.parent / "drafted.yaml", force=True)
        except HarnessError as error:
            refused.append(error)
            continue
        fault = _load_fault(drafted.path)
        # A row that is wrong is named by every command that reads it, if it can be by its line.
        named = re.search(r", line \d|[:,] row \d", fault) if fault else True
        assert named, f"drafted of {data.name}: {fault}"
    if refused:
        raise refused[0]


_LM_EVAL: Final = """\
task: capitals
dataset_path: json
dataset_kwargs: {data_files: {test: rows.jsonl}}
test_split: test
description: Solve it.
output_type: generate_until
doc_to_text: "Q: {{question}}\\nA:"
doc_to_target: "{{answer}}"
metric_list: [{metric: exact_match, ignore_case: true}]
generation_kwargs: {until: ['Q:'], max_gen_toks: 99}
filter_list:
- name: strict
  filter:
  - {function: regex, regex_pattern: '#### (\\d+)', group_select: -1}
  - {function: take_first}
num_fewshot: 5
"""
_PROMPTFOO: Final = """\
prompts:
- 'Translate to {{language}}: {{input}}'
- {raw: "Say this in {{language}}.\\n{{input}}", label: second}
providers: [openai:gpt-4.1]
defaultTest: {vars: {language: French}}
tests:
- vars: {input: [Hello, Goodbye]}
  assert: [{type: icontains, value: '{{input}} in French'}, {type: llm-rubric, value: polite}]
- vars: {input: Yes, language: Spanish}
  assert: [{type: contains-any, value: [sí, si]}, {type: javascript, value: 'true'}]
"""


def _foreign(folder: Path) -> None:
    (folder / "lm.yaml").write_text(_LM_EVAL, "utf-8")
    write_rows(
        folder / "rows.jsonl", [{"question": f"q{n}", "answer": f"#### {n}"} for n in range(4)]
    )
    (folder / "promptfoo.yaml").write_text(_PROMPTFOO, "utf-8")
    asked = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Name one."}]
    samples = [{"id": n, "input": asked, "target": f"t{n}", "note": "x"} for n in range(3)]
    chosen = [{"input": f"q{n}", "target": "B", "choices": ["x", "y"]} for n in range(3)]
    chats = [
        {"messages": [*asked, {"role": "assistant", "content": ("yes", "no")[n % 2]}]}
        for n in range(4)
    ]
    for name, rows in (("samples", samples), ("chosen", chosen), ("chats", chats)):
        write_rows(folder / f"{name}.jsonl", rows)


def _import(folder: Path) -> None:
    """Import each file; what was written is a task file, if its rows are not always good."""
    from harness.authoring.import_task import import_task
    from harness.tasks.schema import TaskSpec
    from harness.tasks.yamlfile import read_yaml

    refused = []
    names = ("lm.yaml", "promptfoo.yaml", "samples.jsonl", "chosen.jsonl", "chats.jsonl")
    for name in names:
        try:
            done = import_task(folder / name, out=folder / "ours.yml", force=True)
            for path in done.paths:
                assert read_yaml(path, TaskSpec, what="task").instructions
                fault = _load_fault(path)
                if fault:
                    raise UsageError(fault)
        except HarnessError as error:
            refused.append(error)
    if refused:
        raise refused[0]


TASK_KINDS: Final[dict[str, Kind]] = {
    "choices": Kind(_choices, _ask(), share=8),
    **{
        f"answer {number}": Kind(_answers(number), _ask(scorers=("generate",)), share=2)
        for number in range(len(GRADERS))
    },
    "check-task": Kind(_check, _inspect_each, share=10, files=("*/*",)),
    "init-task": Kind(_tables, _init, share=8, files=("*/*",)),
    "import-task": Kind(_foreign, _import, share=10),
}
"""Kinds of task files, and of what task files are made of."""
