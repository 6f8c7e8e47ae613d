"""Mistakes in tasks that would otherwise become numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.core.errors import UsageError
from harness.tasks import Task, load_task
from harness.tasks.checks import task_notes

TASK: dict[str, Any] = {
    "name": "mine",
    "source": {"file": "rows.jsonl"},
    "input": "Review: {{ text }}",
    "labels": ["pos", "neg"],
    "instructions": ["Is it 'pos' or 'neg'?"],
}
ROWS: list[dict[str, Any]] = [
    {"text": "A warm film.", "label": "pos"},
    {"text": "Dull and slow.", "label": "neg"},
]


def load(folder: Path, rows: list[dict[str, Any]] | None = None, **changes: Any) -> Task:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({**TASK, **changes}), encoding="utf-8")
    lines = "\n".join(json.dumps(row) for row in rows or ROWS)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    return load_task(path, data_dir=None, few_shot="few_shot" in changes)


def load_text(folder: Path, text: str) -> Task:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_task(path, data_dir=None)


def test_plain_lists_of_labels_and_instructions(tmp_path: Path) -> None:
    task = load(tmp_path)
    assert task.verbalizer_of == {"pos": "pos", "neg": "neg"}
    assert [(one.id, one.style) for one in task.instructions] == [("task-1", "task")]


def test_a_bare_yes_and_no_are_words_and_true_is_a_value(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "a", "label": true}\n{"text": "b", "label": false}'
    )
    task = load_text(
        tmp_path,
        'name: mine\nsource: {file: rows.jsonl}\ninput: "{{ text }}"\n'
        "labels:\n- {name: on, value: true, word: yes}\n- {name: off, value: false, word: no}\n"
        "instructions: [Say so.]\n",
    )
    assert task.verbalizer_of == {"on": "yes", "off": "no"}
    assert [example.gold for example in task.examples] == ["on", "off"]


def test_six_mistakes_are_shown_at_once_with_their_lines(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_text(
            tmp_path,
            "nmae: x\nsource: {fiel: rows.jsonl}\ninput: '{{ text }}'\nlabels:\n"
            "- {name: yes, wrod: a}\n- {name: no}\ninstructions:\n- {id: a b, text: Do.}\n"
            "chance: 2\nmetirc: accuracy\n",
        )
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'mine.yaml'}: 6 mistakes:\n")
    for line, what in [
        (1, "unknown key 'nmae'. Did you mean 'name'?"),
        (2, "unknown key 'source.fiel'. Did you mean 'file'?"),
        (5, "unknown key 'labels.0.wrod'. Did you mean 'word'?"),
        (8, "at 'instructions.0.id'"),
        (9, "less than 1 at 'chance'"),
        (10, "unknown key 'metirc'. Did you mean 'metric'?"),
    ]:
        assert any(
            part.startswith(f"  line {line}: ") and what in part for part in message.splitlines()
        ), (line, what)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: a\nname: b\n", "line 2: the key 'name' stands twice, first in line 1"),
        ('name: "\\ud83d"\n', "line 1: half a character"),
        (f"chance: {'9' * 5000}\n", "a value cannot be read"),
        ("a: " + "[" * 5000, "nested too deeply"),
    ],
)
def test_yaml_that_readers_would_bend_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_text(tmp_path, text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("", "no"), "a label's name or word is empty"),
        (("  ", "no"), "a label's name or word is empty"),
        (("yes ", "yes"), "label word 'yes' stands twice"),
        (("Yes", "yes"), "differs from 'Yes' only by case"),
        (("not_equal", "not equal"), "differs from 'not_equal' only by case, spaces"),
        (("e\u0301t\u00e9", "\u00e9t\u00e9"), "form of its characters"),
        (("\uff59es", "yes"), "form of its characters"),
    ],
)
def test_label_words_that_cannot_be_told_apart(
    tmp_path: Path, words: tuple[str, str], why: str
) -> None:
    labels = [{"name": "pos", "word": words[0]}, {"name": "neg", "word": words[1]}]
    with pytest.raises(UsageError) as caught:
        load(tmp_path, labels=labels)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"input": "Review: {text}"}, "Type: {{ text }}"),
        ({"input": "Review: the same"}, "shows no field of the rows"),
        ({"input": "{{ text }} {label}"}, "shows {label} as it stands"),
        ({"instructions": ["{{ text }} Is it 'pos'?"]}, "holds the placeholder {{ text }}"),
        ({"instructions": ["{text} Is it 'pos'?"]}, "holds the placeholder {text}"),
        ({"prefill": "{{ text }}"}, "the prefill holds the placeholder {{ text }}"),
        ({"system": "You read {text}."}, "the system text holds the placeholder {text}"),
        ({"answer_cue": "{{ text }}:"}, "the answer cue holds the placeholder {{ text }}"),
        ({"paraphrases": {"task-1": ["{% if x %}"]}}, "a paraphrase of 'task-1' holds"),
    ],
)
def test_a_placeholder_that_nothing_fills(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, **changes)
    assert why in str(caught.value)


def test_braces_that_are_no_fields_are_text(tmp_path: Path) -> None:
    task = load(tmp_path, instructions=['Answer as {"label": "pos"} or {other}.'])
    assert task.instructions[0].text.endswith("{other}.")


def test_an_evaluated_row_is_not_shown_as_its_own_shot(tmp_path: Path) -> None:
    shots = [*ROWS, {"text": "Great fun.", "label": "pos"}]
    (tmp_path / "shots.jsonl").write_text("\n".join(map(json.dumps, shots)), encoding="utf-8")
    task = load(tmp_path, few_shot={"file": "shots.jsonl"})
    assert [shot.input for shot in task.few_shot] == ["Review: Great fun."]
    assert task.few_shot_left_out == 2
    assert any("2 few-shot rows are evaluated examples" in note for note in task_notes(task))


def test_one_sided_and_repeated_data_are_noted(tmp_path: Path) -> None:
    rows = [{"text": "same" if n < 2 else f"row {n}", "label": "pos"} for n in range(19)]
    task = load(tmp_path, [*rows, {"text": "", "label": "neg"}], input="{{ text }}",
                instructions=["Do it.", "Do it."])  # fmt: skip
    notes = " ".join(task_notes(task))
    assert "19 of 20 examples have the label 'pos'" in notes
    assert "the instructions task-1 and task-2 are one text" in notes
    assert "1 of 20 examples have an empty input" in notes
    assert "1 of 20 examples repeat the input of another" in notes
    assert task_notes(load(tmp_path)) == []


def test_fillers_keep_the_form_of_nested_fields(tmp_path: Path) -> None:
    rows = [{**row, "meta": {"title": row["text"]}, "n": 2} for row in ROWS]
    task = load(tmp_path, rows, input="{{ meta.title }} {{ 10 / n }}")
    assert task.content_free_inputs() == ("N/A 5.0", "5.0", "[MASK] 5.0")


def test_a_filler_that_a_template_cannot_take_is_named(tmp_path: Path) -> None:
    rows = [{"text": "a: good", "label": "pos"}, {"text": "b: bad", "label": "neg"}]
    task = load(tmp_path, rows, input="{{ text.split(': ')[1] }}")
    with pytest.raises(UsageError, match="calibration shows 'N/A'"):
        task.content_free_inputs()


def test_ten_thousand_labels_are_checked_in_one_pass(tmp_path: Path) -> None:
    labels = [f"label {n}" for n in range(10_000)]
    task = load(tmp_path, [{"text": "a", "label": "label 77"}], labels=labels)
    assert task.examples[0].gold == "label 77"


def test_an_instruction_as_long_as_a_book_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 32768 characters"):
        load(tmp_path, instructions=["word " * 40_000])
