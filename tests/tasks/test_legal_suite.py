"""The suite `legal`: its texts name the labels evenly, and its labels fit the data."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from harness.core.errors import UsageError
from harness.tasks.load import load_task
from harness.tasks.rows import read_file
from harness.tasks.schema import TaskSpec
from harness.tasks.suites import read_suite, suite_task_paths
from harness.tasks.yamlfile import read_yaml
from tests.support.paths import DATA

TASKS = ("abercrombie", "hearsay", "proa", "diversity_1", "diversity_3")
PATHS = {path.stem: path for path in suite_task_paths("legal")}
SPECS = {name: read_yaml(path, TaskSpec, what="task") for name, path in PATHS.items()}
QUOTED = re.compile(r"'(\w+)'")

needs_data = pytest.mark.skipif(
    not (DATA / "legal").is_dir(), reason="../shared/data/legal is not here"
)
each_task = pytest.mark.parametrize("name", TASKS)


def groups(spec: TaskSpec) -> tuple[list[str], list[str]]:
    """The instructions' texts, and the paraphrases."""
    paraphrases = [text for bank in spec.paraphrases.values() for text in bank]
    return [instruction.text for instruction in spec.instructions], paraphrases


def test_suite_lists_its_five_tasks() -> None:
    assert tuple(read_suite("legal").tasks) == TASKS
    assert sorted(PATHS["proa"].parent.glob("*")) == sorted(PATHS.values())


@each_task
def test_task_has_three_instructions_of_each_style_with_two_paraphrases_each(name: str) -> None:
    spec = SPECS[name]
    ids = [(instruction.id, instruction.style) for instruction in spec.instructions]
    assert ids == [(f"{style}-{n}", style) for style in ("task", "role") for n in (1, 2, 3)]
    assert list(spec.paraphrases) == [instruction.id for instruction in spec.instructions]
    assert all(len(bank) == 2 for bank in spec.paraphrases.values())


@each_task
def test_every_text_quotes_each_label_and_nothing_else(name: str) -> None:
    spec = SPECS[name]
    words = sorted(label.answer for label in spec.labels)
    for text in (text for group in groups(spec) for text in group):
        assert sorted(set(QUOTED.findall(text))) == words, text
        assert re.fullmatch(r"[A-Z][^{}\n]*[.?]", text), text
        assert not set(words) & set(re.findall(r"\w+", QUOTED.sub("", text))), text


@each_task
def test_no_label_is_named_first_more_often_than_it_must(name: str) -> None:
    spec = SPECS[name]
    for group in groups(spec):
        first = Counter(QUOTED.findall(text)[0] for text in group)
        assert len(first) == len(spec.labels)
        assert max(first.values()) - min(first.values()) <= (len(spec.labels) > 2), first


def test_no_two_texts_of_the_suite_are_the_same() -> None:
    texts = Counter(text for spec in SPECS.values() for group in groups(spec) for text in group)
    assert max(texts.values()) == 1


@needs_data
@each_task
def test_rows_of_both_sources_load_and_the_largest_class_is_the_one_stated(name: str) -> None:
    task = load_task(PATHS[name], data_dir=DATA, few_shot=True)
    assert task.few_shot_left_out == 0
    assert len(task.few_shot) in (5, 6)
    counts = Counter(example.gold for example in task.examples)
    stated = re.search(r"lways answering '(\w+)' scores ([\d.]+)%", task.description)
    largest, count = counts.most_common(1)[0]
    if stated is None:
        assert len(set(counts.values())) == 1
    else:
        assert stated.groups() == (largest, f"{100 * count / counts.total():.1f}")


@needs_data
def test_hearsay_rows_say_their_slice() -> None:
    rows = read_file(DATA / "legal" / "hearsay.test.jsonl.xz")
    assert len({row["slice"] for row in rows}) == 5


def test_without_a_data_folder_one_line_says_what_to_type() -> None:
    with pytest.raises(UsageError, match=r"data folder.*--data-dir"):
        load_task(PATHS["proa"], data_dir=None)
