"""What a result says of where it comes from: equal questions have equal hashes, others never."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from harness.core.records import Variant
from harness.evaluation.variants import VariantOptions, build_variants
from harness.results.provenance import (
    describe_machine,
    package_versions,
    run_id,
    task_hash,
    variants_hash,
)
from harness.tasks import Task, load_task
from harness.tasks.suites import task_path
from perturbations import find


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(task_path("sentiment"), data_dir=None).with_examples(5, seed=0)


@pytest.fixture(scope="module")
def variants(task: Task) -> list[Variant]:
    return list(build_variants(task, [find("swap")], VariantOptions(seed=0)).variants)


def first_changed(task: Task, **changes: Any) -> Task:
    return replace(task, examples=(replace(task.examples[0], **changes), *task.examples[1:]))


OTHER_QUESTIONS: dict[str, Callable[[Task], Task]] = {
    "an input": lambda task: first_changed(task, input="another one"),
    "a gold label": lambda task: first_changed(task, gold="another one"),
    "an id": lambda task: first_changed(task, id="another one"),
    "an example less": lambda task: replace(task, examples=task.examples[1:]),
    "another order": lambda task: replace(task, examples=task.examples[::-1]),
    "a cue": lambda task: replace(task, answer_cue="Answer:"),
    "a gap": lambda task: replace(task, gap="\n"),
    "a placement": lambda task: replace(task, placement="last"),
    "a shot": lambda task: replace(task, few_shot=(task.examples[0],)),
    "another order of labels": lambda task: replace(task, labels=task.labels[::-1]),
}


@pytest.mark.parametrize("change", OTHER_QUESTIONS)
def test_another_question_has_another_hash(change: str, task: Task) -> None:
    assert task_hash(OTHER_QUESTIONS[change](task)) != task_hash(task)


def test_what_is_not_asked_does_not_count(task: Task) -> None:
    # Instructions are the variants' part; where the rows came from changes no answer.
    same = replace(task, description="x", source="elsewhere", instructions=(), paraphrases={})
    assert task_hash(same) == task_hash(task)


def test_variants_are_their_texts_in_order(variants: list[Variant]) -> None:
    assert variants_hash(list(variants)) == variants_hash(variants)
    assert variants_hash(variants[::-1]) != variants_hash(variants)
    other = [replace(variants[0], text=variants[0].text + " "), *variants[1:]]
    assert variants_hash(other) != variants_hash(variants)


def test_half_characters_are_hashed_too(variants: list[Variant]) -> None:
    assert len(variants_hash([replace(variants[0], text="half \ud83d")])) == 32


def test_a_run_is_known_by_what_was_asked_whatever_the_order_of_keys() -> None:
    first = run_id({"seed": 0, "levels": ["word"]}, {"tasks": "a", "model": "b"})
    assert first == run_id({"levels": ["word"], "seed": 0}, {"model": "b", "tasks": "a"})
    assert first != run_id({"seed": 1, "levels": ["word"]}, {"tasks": "a", "model": "b"})
    assert first != run_id({"seed": 0, "levels": ["word"]}, {"tasks": "a", "model": "c"})
    assert len(first) == 12


def test_the_machine_is_described_without_its_name_or_paths() -> None:
    described = describe_machine("cpu")
    assert described["cores"] == os.cpu_count()
    assert "gpu" not in described
    text = json.dumps(described)
    assert str(Path.home()) not in text
    assert not platform.node() or platform.node() not in text


def test_versions_are_those_that_are_installed() -> None:
    found = package_versions()
    assert found["python"] == platform.python_version()
    assert found["torch"] == version("torch")
