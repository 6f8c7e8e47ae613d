"""Examples of a task are drawn as the rows pass by, and a file of rows is never held whole."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.tasks import load_task, load_tasks
from harness.tasks.examples import Sample
from harness.tasks.task import draw_places

TASK = """
name: mood
description: Whether a film is good.
source: {{file: {file}}}
label_field: label
{more}
input: "Film: {{{{ text }}}}"
labels: [{{name: bad}}, {{name: good}}]
instructions:
  - {{id: task-1, style: task, text: "Is the film good or bad?"}}
"""


def write(folder: Path, rows: list[dict[str, object]], *, suffix: str, more: str = "") -> Path:
    """A task with its rows in a file of the given kind."""
    data = folder / f"rows{suffix}"
    if suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), data)
    elif suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        data.write_text("\n".join(lines))
    else:
        lines = [json.dumps(row) for row in rows]
        data.write_text(f"[{','.join(lines)}]" if suffix == ".json" else "\n".join(lines))
    path = folder / "mood.yaml"
    path.write_text(TASK.format(file=data.name, more=more))
    return path


def make_rows(count: int, text: str = "film") -> list[dict[str, object]]:
    return [{"id": n, "text": f"{text} {n}", "label": "good"} for n in range(count)]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
@pytest.mark.parametrize("limit", [None, 1, 7, 40, 99])
def test_a_sample_is_that_of_all_rows_in_memory(
    tmp_path: Path, suffix: str, limit: int | None
) -> None:
    path = write(tmp_path, make_rows(40), suffix=suffix)
    whole = load_task(path, data_dir=None)
    sample = Sample(limit, seed=3)
    (drawn,) = load_tasks(suite=None, names=[str(path)], data_dir=None, sample=sample)
    wanted = whole.with_examples(limit, seed=3)
    assert (drawn.examples, drawn.drawn) == (wanted.examples, wanted.drawn)


def test_the_draw_of_a_seed_is_pinned() -> None:
    assert list(draw_places(12, 4, seed=0, name="mood")) == [3, 6, 11, 9]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_large_file_is_not_held_whole(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, make_rows(20_000, "long " * 200), suffix=suffix)  # 20 MB
    tracemalloc.start()
    try:
        sample = Sample(10, seed=0)
        (task,) = load_tasks(suite=None, names=[str(path)], data_dir=None, sample=sample)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(task.examples) == 10
    assert peak < 6_000_000


def test_rows_that_are_not_drawn_are_checked_and_not_rendered(tmp_path: Path) -> None:
    rows = make_rows(30)
    (first,) = draw_places(30, 1, seed=0, name="mood")
    other = (first + 1) % 30
    rows[other] = {"id": other, "label": "good"}  # no text to show
    sample = Sample(1, seed=0)
    path = str(write(tmp_path, rows, suffix=".jsonl"))
    (task,) = load_tasks(suite=None, names=[path], data_dir=None, sample=sample)
    assert task.examples[0].id == str(first)
    rows[other]["label"] = "goood"
    path = str(write(tmp_path, rows, suffix=".jsonl"))
    with pytest.raises(UsageError, match=f"row {other + 1} has the label 'goood'"):
        load_tasks(suite=None, names=[path], data_dir=None, sample=sample)


def test_an_id_that_stands_twice_is_found_among_rows_that_are_not_drawn(tmp_path: Path) -> None:
    rows = make_rows(30)
    rows[20]["id"] = 4
    path = str(write(tmp_path, rows, suffix=".jsonl", more="id_field: id"))
    with pytest.raises(UsageError, match="row 21 repeats the id '4'"):
        load_tasks(suite=None, names=[path], data_dir=None, sample=Sample(1, seed=0))


def test_brackets_without_an_end_are_a_text(tmp_path: Path) -> None:
    rows = [{**row, "deep": "[" * 3000} for row in make_rows(3)]
    derived = """derive: {same: "{{ deep }}{{ '' if true else text | tojson }}"}"""
    task = load_task(write(tmp_path, rows, suffix=".jsonl", more=derived), data_dir=None)
    assert task.examples[0].fields["same"] == "[" * 3000


@pytest.mark.parametrize("field", ["text", "label"])
def test_what_is_no_number_is_nothing(tmp_path: Path, field: str) -> None:
    rows = make_rows(3)
    rows[1][field] = float("nan")  # as pandas writes a missing text
    with pytest.raises(UsageError, match=field):
        load_task(write(tmp_path, rows, suffix=".jsonl"), data_dir=None)
