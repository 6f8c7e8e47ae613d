"""The suites whose answers are options or free text: sizes, texts, and rows that are there."""

from __future__ import annotations

import json
import re
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.grading import make_grader
from harness.tasks.load import load_task
from harness.tasks.schema import TaskSpec
from harness.tasks.suites import read_suite, suite_task_paths
from harness.tasks.yamlfile import read_yaml
from tests.support.paths import DATA

SUITES = ("mmlu", "maths", "reading", "starter-text")
PATHS = {path.stem: path for suite in SUITES for path in suite_task_paths(suite)}
SPECS = {name: read_yaml(path, TaskSpec, what="task") for name, path in PATHS.items()}
STARTER = suite_task_paths("starter-text")[0].parent
SIZES = {
    "mmlu_stem": 3153, "mmlu_humanities": 4705, "mmlu_social_sciences": 3077, "mmlu_other": 3107,
    "gsm8k": 1319, "xquad_en": 1190, "xquad_de": 1190, "xquad_zh": 1190, "xquad_ar": 1190,
    "extraction": 48, "questions": 70,
}  # fmt: skip
SCRIPTS = {"xquad_zh": r"[\u4e00-\u9fff]", "xquad_ar": r"[\u0600-\u06ff]"}
each_task = pytest.mark.parametrize("name", SIZES)


def texts(spec: TaskSpec) -> list[str]:
    bank = [text for own in spec.paraphrases.values() for text in own]
    return [instruction.text.strip() for instruction in spec.instructions] + bank


def rows(name: str) -> list[dict[str, Any]]:
    lines = (STARTER / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_the_suites_list_their_tasks() -> None:
    assert {name for suite in SUITES for name in read_suite(suite).tasks} == set(SIZES)


@each_task
def test_three_instructions_of_each_style_have_two_paraphrases_each(name: str) -> None:
    spec = SPECS[name]
    ids = [(instruction.id, instruction.style) for instruction in spec.instructions]
    assert ids == [(f"{style}-{n}", style) for style in ("task", "role") for n in (1, 2, 3)]
    assert list(spec.paraphrases) == [instruction.id for instruction in spec.instructions]
    assert all(len(own) >= 2 for own in spec.paraphrases.values())


@each_task
def test_texts_are_whole_sentences_and_no_two_are_alike(name: str) -> None:
    own = texts(SPECS[name])
    for text in own:
        assert re.fullmatch(r"[^{}\n]*[.?。？؟]", text), text
        assert "  " not in text
    assert len({plain(text) for text in own}) == len(own)


@pytest.mark.parametrize("name", SCRIPTS)
def test_instructions_are_in_the_language_of_the_rows(name: str) -> None:
    for text in texts(SPECS[name]):
        assert re.search(SCRIPTS[name], text)
        assert not re.search(r"[A-Za-z]", text)


@each_task
def test_rows_can_be_graded_and_the_reference_itself_is_right(name: str) -> None:
    if SPECS[name].source.data and not (DATA / str(SPECS[name].source.data)).is_file():
        pytest.skip("../shared/data is not here")
    task = load_task(PATHS[name], data_dir=DATA, few_shot=True)
    assert len(task.examples) == SIZES[name]
    if task.answer is not None:
        grader = make_grader(task.answer)
        for example in task.examples:
            for reference in example.references:
                assert grader.grade(reference, example.references).score == 1.0, example.id


def test_the_files_of_mmlu_differ_in_name_description_and_subjects_only() -> None:
    contents = []
    for path in suite_task_paths("mmlu"):
        content = yaml.safe_load(path.read_text("utf-8"))
        subjects = content["source"]["where"].pop("subject")
        assert content["few_shot"]["where"].pop("subject") == subjects
        contents.append({**content, "name": "", "description": ""})
    assert all(content == contents[0] for content in contents)


def test_messages_of_the_extraction_hold_what_is_to_be_extracted() -> None:
    for row in rows("extraction") + rows("extraction.fewshot"):
        assert list(row) == ["id", "text", "answer"]
        assert list(row["answer"]) == ["name", "product", "quantity", "city"]
        for key in ("name", "product", "city"):
            assert row["answer"][key] is None or row["answer"][key] in row["text"], row["id"]
    missing = sum(None in row["answer"].values() for row in rows("extraction"))
    assert 5 <= missing <= 12


def test_answers_to_questions_stand_in_their_paragraphs() -> None:
    own = rows("questions") + rows("questions.fewshot")
    for row in own:
        assert any(plain(answer) in plain(row["passage"]) for answer in row["answers"]), row["id"]
    assert len({row["passage"] for row in rows("questions")}) == 14
    counts = Counter(plain(row["passage"] + row["question"]) for row in own)
    assert max(counts.values()) == 1


@pytest.mark.parametrize(("name", "field"), [("extraction", "text"), ("questions", "question")])
def test_no_two_rows_are_near_duplicates(name: str, field: str) -> None:
    own = [plain(row[field]) for row in rows(name) + rows(f"{name}.fewshot")]
    close = [pair for pair in combinations(own, 2) if SequenceMatcher(None, *pair).ratio() > 0.85]
    assert close == []


def test_the_first_report_does_not_pay_for_generated_answers() -> None:
    assert not set(read_suite("starter").tasks) & set(SIZES)


def test_rows_of_another_group_are_left_out(tmp_path: Path) -> None:
    task = {
        "name": "t", "input": "{{ text }}", "labels": ["a", "b"], "instructions": ["a or b?"],
        "source": {
            "rows": [{"text": f"{n}", "label": "ab"[n % 2], "kind": n % 3} for n in range(9)],
            "where": {"kind": [1, 2], "label": ["a"]},
        },
    }  # fmt: skip
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump(task), encoding="utf-8")
    assert [example.input for example in load_task(path, data_dir=None).examples] == ["2", "4", "8"]


def test_fields_may_be_derived_of_others(tmp_path: Path) -> None:
    task = {
        "name": "t", "input": "{{ q }} {{ count }}", "instructions": ["Answer."],
        "source": {"rows": [{"q": "x", "data": {"text": ["a<", "b"]}, "full": "y #### 7"}]},
        "derive": {
            "options": "{{ data.text | tojson }}",
            "gold": "{{ data.text.index('b') | tojson }}",
            "count": "{{ full.split('#### ')[-1] }}",
        },
        "choices": {"field": "options", "gold": "gold", "by": "text"},
    }  # fmt: skip
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump(task), encoding="utf-8")
    example = load_task(path, data_dir=None).examples[0]
    assert (example.gold, dict(example.options), example.input) == (
        "B", {"A": "a<", "B": "b"}, "x 7",
    )  # fmt: skip
