"""Task files: what is read, what is refused and how the refusal reads."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UnknownNameError, UsageError
from harness.tasks import LabelSpec, Task, load_task, load_tasks, suite_names, task_names
from harness.tasks.rows import read_file
from harness.tasks.schema import TaskSpec, json_schema
from harness.tasks.suites import task_path
from harness.tasks.yamlfile import read_yaml

GOOD = {
    "name": "mine",
    "source": {"file": "rows.jsonl"},
    "input": "Text: {{ text }}",
    "labels": [{"name": "no", "value": 0}, {"name": "yes", "value": 1, "word": "sure"}],
    "instructions": [
        {"id": "t1", "style": "task", "text": "Say 'no' or 'sure'."},
        {"id": "r1", "style": "role", "text": "You are a judge. Say 'no' or 'sure'."},
        {"id": "t2", "style": "task", "text": "Is it so? 'no' or 'sure'."},
    ],
}
ROWS = [{"text": f"row {n}", "label": n % 2} for n in range(10)]


def write_task(folder: Path, changes: dict[str, object] | None = None) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **(changes or {})}), encoding="utf-8")
    rows = folder / "rows.jsonl"
    if not rows.exists():
        rows.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    return path


def test_a_task_is_loaded(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path), data_dir=None)
    assert task.examples[1].input == "Text: row 1"
    assert task.examples[1].gold == "yes"
    assert task.verbalizer_of == {"no": "no", "yes": "sure"}
    assert task.chance == 0.5
    assert task.content_free_inputs() == ("Text: N/A", "Text:", "Text: [MASK]")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl.gz", ".jsonl.xz", ".parquet"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    import pandas as pd

    path = tmp_path / f"rows{suffix}"
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    if suffix == ".csv":
        pd.DataFrame(ROWS).to_csv(path, index=False)
    elif suffix == ".parquet":
        pd.DataFrame(ROWS).to_parquet(path)
    else:
        path.write_bytes((gzip if suffix.endswith("gz") else lzma).compress(lines))
    task = load_task(write_task(tmp_path, {"source": {"file": path.name}}), data_dir=None)
    assert [e.gold for e in task.examples] == ["no", "yes"] * 5


def test_json_lines_end_at_newlines_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a\u2028b\x85c"}\n', encoding="utf-8")
    assert read_file(path) == [{"text": "a\u2028b\x85c"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instrctions": []}, "unknown key 'instrctions'. Did you mean 'instructions'?"),
        ({"labels": [{"name": "a"}]}, "at least 2 items"),
        ({"labels": [{"name": "a"}, {"name": "a"}]}, "label 'a' stands twice"),
        ({"labels": [{"name": "a", "wrod": "b"}, {"name": "c"}]}, "Did you mean 'word'?"),
        ({"input": "{{ txet }}"}, "names the field 'txet'"),
        ({"input": "{% if %}"}, "template is not valid"),
        ({"input": "{{ text.__class__.__mro__ }}"}, "template fails"),
        ({"label_field": "lable"}, "Did you mean 'label'?"),
        ({"id_field": "idx"}, "id_field names 'idx'"),
        ({"id_field": "label"}, "repeats the id '0'"),
        ({"paraphrases": {"t9": ["x"]}}, "which is no instruction id"),
        ({"source": {}}, "a source needs one of"),
        ({"source": {"file": "row.jsonl"}}, "Did you mean 'rows.jsonl'?"),
        ({"source": {"file": "mine.yaml"}}, "expected .jsonl, .json, .csv, .tsv or .parquet"),
        ({"source": {"data": "glue/x.jsonl"}}, "Type: --data-dir FOLDER"),
        ({"chance": 2}, "less than 1"),
        ({"labels": [{"name": "x"}, {"name": "y"}]}, "label '0', which is not among the labels"),
    ],
)
def test_a_bad_task_file_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_task(write_task(tmp_path, changes), data_dir=None)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"\n\n", "has no rows"),
        (b'{"text": 1, "label": 0}\n{"text"', "line 2: not valid JSON"),
        (b"[1]\n", "line 1: a row is a JSON object"),
        ('{"text": "\u00e9"}'.encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_bad_data_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_task(write_task(tmp_path), data_dir=None)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.xz", ".parquet"])
def test_a_file_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b"\x1f\x8b\x08\x00broken")
    with pytest.raises(UsageError):
        read_file(path)


def test_the_line_of_an_unknown_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ninput: x\nlabels:\n  - name: a\n  - name: b\n    wrod: c\n")
    with pytest.raises(UsageError, match=r"line 6: unknown key 'labels.1.wrod'. Did"):
        read_yaml(path, TaskSpec, what="task")


def test_a_csv_row_with_too_many_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(UsageError, match="line 3: 2 columns"):
        read_file(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not valid YAML: line 2"),
        ("- a", "a mapping of keys"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_bad_yaml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text + "\n")
    with pytest.raises(UsageError, match=message):
        read_yaml(path, TaskSpec, what="task")


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sentiment'"):
        task_path("sentimnet")
    with pytest.raises(UnknownNameError, match="Did you mean 'glue'"):
        load_tasks(suite="gleu", names=[], data_dir=None)


def test_two_tasks_of_one_name(tmp_path: Path) -> None:
    path = write_task(tmp_path)
    copy = path.with_name("copy.yaml")
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UsageError, match="two tasks are called 'mine'"):
        load_tasks(suite=None, names=[str(path), str(copy)], data_dir=None)


def test_a_task_named_twice_is_one_task(tmp_path: Path) -> None:
    path = str(write_task(tmp_path))
    assert len(load_tasks(suite=None, names=[path, path], data_dir=None)) == 1


def test_names_of_a_suites_tasks_pick_these_out_of_it(tmp_path: Path) -> None:
    def names(*given: str) -> list[str]:
        return [task.name for task in load_tasks(suite="starter", names=given, data_dir=None)]

    assert names("topic", "sentiment") == ["topic", "sentiment"]
    own = str(write_task(tmp_path))
    assert names("topic", own) == ["topic", "mine"]
    assert names(own) == [*names(), "mine"]


def test_samples_are_seeded_nested_and_in_file_order(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path), data_dir=None)
    three = [e.id for e in task.with_examples(3, seed=1).examples]
    six = [e.id for e in task.with_examples(6, seed=1).examples]
    assert set(three) < set(six)
    assert six == sorted(six, key=int)
    assert six != [e.id for e in task.with_examples(6, seed=2).examples]
    assert task.with_examples(99, seed=1).examples == task.examples


def test_instructions_are_taken_by_style_in_turn(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path), data_dir=None)
    assert [i.id for i in task.with_instructions(2).instructions] == ["t1", "r1"]
    assert [i.id for i in task.with_instructions(3).instructions] == ["t1", "r1", "t2"]


def test_shots_are_spread_over_the_labels(tmp_path: Path) -> None:
    others = [{"text": f"another {n}", "label": n % 2} for n in range(10)]
    (tmp_path / "shots.jsonl").write_text("\n".join(map(json.dumps, others)), encoding="utf-8")
    path = write_task(tmp_path, {"few_shot": {"file": "shots.jsonl"}})
    task = load_task(path, data_dir=None, few_shot=True)
    shots = task.shots(4, seed=0)
    assert sorted(shot.gold for shot in shots) == ["no", "no", "yes", "yes"]
    assert shots == task.shots(4, seed=0)


def test_the_schema_for_editors_agrees_with_the_loader(tmp_path: Path) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in task_names():
        jsonschema.validate(yaml.safe_load(task_path(name).read_text("utf-8")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**GOOD, "instrctions": []}, schema)


def test_shipped_suites_and_tasks() -> None:
    assert suite_names() == ["glue", "legal", "maths", "mmlu", "reading", "starter", "starter-text"]
    starter = load_tasks(suite="starter", names=[], data_dir=None)
    assert len(starter) == 5
    for task in starter:
        assert len(task.examples) >= 80
        assert len(task.instructions) >= 6
        assert sum(map(len, task.paraphrases.values())) >= 10


@given(st.one_of(st.integers(-3, 3), st.text(max_size=5), st.booleans()))
def test_a_label_is_found_by_the_text_of_its_value(value: str | int | bool) -> None:
    assert LabelSpec(name="x", value=value).key == str(value)


def test_glue_loads_from_the_data_folder(data_dir: Path) -> None:
    tasks: list[Task] = load_tasks(suite="glue", names=[], data_dir=data_dir)
    assert [t.name for t in tasks] == [
        "sst2", "cola", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli",
    ]  # fmt: skip
    assert [len(t.examples) for t in tasks] == [872, 1043, 408, 7600, 9815, 5463, 277, 71]
