"""The suite `glue`: its texts name the labels, its templates and labels fit the data."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from jinja2 import Environment, meta

from harness.tasks.load import load_task
from harness.tasks.rows import iter_fields, read_file
from harness.tasks.schema import Source, TaskSpec
from harness.tasks.suites import read_suite, suite_task_paths
from harness.tasks.yamlfile import read_yaml
from tests.support.paths import DATA

TASKS = ("sst2", "cola", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli")
SPECS = {path.stem: read_yaml(path, TaskSpec, what="task") for path in suite_task_paths("glue")}
QUOTED = re.compile(r"'(\w+)'")

needs_data = pytest.mark.skipif(
    not (DATA / "glue").is_dir(), reason="../shared/data/glue is not here"
)
each_task = pytest.mark.parametrize("name", TASKS)


def words(spec: TaskSpec) -> list[str]:
    return [label.answer for label in spec.labels]


def paraphrases(spec: TaskSpec) -> list[str]:
    return [text for bank in spec.paraphrases.values() for text in bank]


def texts(spec: TaskSpec) -> list[str]:
    return [instruction.text for instruction in spec.instructions] + paraphrases(spec)


def rows_of(source: Source) -> list[dict[str, str]]:
    assert source.data is not None
    return [dict(iter_fields(row)) for row in read_file(DATA / source.data)]


def test_suite_lists_the_eight_tasks_and_nothing_else_lies_in_its_folder() -> None:
    paths = suite_task_paths("glue")
    assert tuple(read_suite("glue").tasks) == TASKS
    assert sorted(paths[0].parent.glob("*")) == sorted(paths)


@each_task
def test_task_has_three_instructions_of_each_style_with_three_paraphrases_or_more(
    name: str,
) -> None:
    spec = SPECS[name]
    assert spec.name == name
    ids = [(instruction.id, instruction.style) for instruction in spec.instructions]
    assert ids == [(f"{style}-{n}", style) for style in ("task", "role") for n in (1, 2, 3)]
    assert list(spec.paraphrases) == [instruction.id for instruction in spec.instructions]
    assert all(len(bank) >= 3 for bank in spec.paraphrases.values())


@each_task
def test_every_text_quotes_each_label_word_once_and_nothing_else(name: str) -> None:
    spec = SPECS[name]
    for text in texts(spec):
        assert sorted(QUOTED.findall(text)) == sorted(words(spec)), text
        unquoted = QUOTED.sub("", text)
        assert "'" not in unquoted, text
        assert not set(words(spec)) & set(re.findall(r"\w+", unquoted.lower())), text


@each_task
def test_each_label_is_named_first_equally_often(name: str) -> None:
    spec = SPECS[name]
    for group in ([i.text for i in spec.instructions], paraphrases(spec)):
        first = Counter(QUOTED.findall(text)[0] for text in group)
        assert set(first.values()) == {len(group) // len(spec.labels)}, first


@each_task
def test_texts_are_whole_sentences_without_template_marks_or_stray_space(name: str) -> None:
    for text in texts(SPECS[name]):
        assert re.fullmatch(r"[A-Z][^{}\n]*[.?]", text), text
        assert "  " not in text, text


def test_no_two_texts_of_the_suite_are_the_same() -> None:
    def normal(text: str) -> str:
        return " ".join(re.findall(r"\w+", text.lower()))

    found = Counter(normal(text) for spec in SPECS.values() for text in texts(spec))
    assert [text for text, count in found.items() if count > 1] == []


@each_task
def test_hub_and_few_shot_sources_are_other_splits_of_the_same_set(name: str) -> None:
    spec = SPECS[name]
    assert spec.few_shot is not None
    assert spec.source.hub is not None
    assert spec.few_shot.hub is not None
    assert spec.source.data != spec.few_shot.data
    split = "validation_matched" if name == "mnli" else "validation"
    assert (spec.source.hub.path, spec.source.hub.config) == ("nyu-mll/glue", name)
    assert (spec.source.hub.split, spec.few_shot.hub.split) == (split, "train")


@needs_data
@each_task
def test_fields_and_labels_fit_the_rows_of_both_sources(name: str) -> None:
    spec = SPECS[name]
    wanted = meta.find_undeclared_variables(Environment(autoescape=True).parse(spec.input))
    for source in (spec.source, spec.few_shot):
        assert source is not None
        rows = rows_of(source)
        assert all({*wanted, "label", "idx"} <= set(row) for row in rows)
        assert {row["label"] for row in rows} == {label.key for label in spec.labels}


@needs_data
@each_task
def test_description_states_the_share_of_the_largest_class(name: str) -> None:
    spec = SPECS[name]
    stated = re.search(r"lways answering '(\w+)' scores ([\d.]+)%", spec.description)
    assert stated is not None
    names = {label.key: label.name for label in spec.labels}
    counts = Counter(names[row["label"]] for row in rows_of(spec.source))
    largest, count = counts.most_common(1)[0]
    assert stated.groups() == (largest, f"{100 * count / counts.total():.1f}")


@needs_data
@pytest.mark.parametrize(
    ("name", "identity", "excerpt", "gold"),
    [
        ("sst2", "1", "unflinchingly bleak and desperate", "negative"),
        ("cola", "0", "The sailors rode the breeze clear of the rocks.", "acceptable"),
        ("mrpc", "9", "pie business does not fit our long-term growth", "equivalent"),
        ("qqp", "0", "What are the best franchise in India?", "equivalent"),
        ("mnli", "1", "are not able to be searched.", "contradiction"),
        ("qnli", "0", "heralding the Second Republic came into force.", "entailment"),
        ("rte", "0", "Christopher Reeve had an accident.", "not_entailment"),
        ("wnli", "1", "Susan did not answer.", "entailment"),
    ],
)
def test_a_row_whose_label_is_plain_to_read_gets_that_label(
    name: str, identity: str, excerpt: str, gold: str
) -> None:
    path = next(path for path in suite_task_paths("glue") if path.stem == name)
    task = load_task(path, data_dir=DATA)
    example = next(example for example in task.examples if example.id == identity)
    assert excerpt in example.input
    assert example.gold == gold
    assert task.chance == pytest.approx(1 / len(task.labels))
