"""A promptfoo configuration becomes a task file that judges as promptfoo does."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.authoring.import_task import import_task
from harness.grading import make_grader
from tests.support.imported_tasks import imported, task_of, told


def test_promptfoo_becomes_rows_with_their_requirement(tmp_path: Path) -> None:
    text = """\
prompts:
- 'Translate to {{language}}: {{input}}'
- {raw: "Say this in {{language}}.\\n{{input}}", label: second}
- file://prompt.py
providers: [openai:gpt-4.1]
defaultTest: {vars: {language: French}}
tests:
- vars: {input: [Hello, Goodbye]}
  assert:
  - {type: icontains, value: '{{input}} in French'}
  - {type: llm-rubric, value: polite}
- vars: {input: Yes, language: Spanish}
  assert: [{type: contains-any, value: [sí, si]}, {type: javascript, value: 'true'}]
- vars: {input: file://x.txt}
  assert: [{type: equals, value: x}]
"""
    done = imported(tmp_path, text)
    task = task_of(done)
    assert [i.text for i in task.instructions] == [
        "Translate to the language below:", "Say this in the language below.",
    ]  # fmt: skip
    assert task.examples[0].input == "Language: French\nInput: Hello"
    assert [example.references for example in task.examples] == [
        ("Hello in French",), ("Goodbye in French",), ("sí", "si"),
    ]  # fmt: skip
    assert task.examples[2].fields["input"] == "Yes"
    for lost in ("prompt.py", "llm-rubric", "javascript: it is code", "file://x.txt", "providers"):
        assert lost in told(done), lost


def test_a_promptfoo_config_of_the_usual_name_is_called_after_its_folder(tmp_path: Path) -> None:
    text = """\
prompts: ['Say {{q}}']
tests: [{vars: {q: a}, assert: [{type: equals, value: a}]}]
"""
    folder = tmp_path / "support bot"
    folder.mkdir()
    for name, called in (("promptfooconfig.yaml", "support-bot"), ("greetings.yaml", "greetings")):
        (folder / name).write_text(text, encoding="utf-8")
        done = import_task(folder / name, out=folder / "ours.yaml", force=True)
        assert task_of(done).name == called


HEY = "Hey grubs, THE END. "
VERDICTS = {
    "{type: equals, value: 'Hey grubs, THE END.'}": {HEY: 1, "hey grubs, THE END.": 0, "Hey": 0},
    "{type: contains, value: grub}": {HEY: 1, "GRUB": 0, "gru b": 0},
    "{type: icontains, value: 'THE end.'}": {HEY: 1, "the end": 0},
    "{type: contains-any, value: 'Xx, grub'}": {HEY: 1, "Xx": 1, "xx": 0},
    "{type: icontains-any, value: [xx, ', T']}": {HEY: 1, "XX": 1, "x": 0},
    "{type: is-json}": {'{"a": 1}': 1, "5": 1, 'Here: {"a": 1}': 0, '```json\n{"a": 1}\n```': 0},
    "{type: is-json, value: {type: object, required: [a]}}": {'{"a": 1}': 1, "{}": 0, "a": 0},
    "{type: contains-json}": {'Here: {"a": 1}': 1, "Here: a": 0},
}
"""An assertion -> outputs and what promptfoo's documentation says of them."""


@pytest.mark.parametrize("assertion", VERDICTS)
def test_verdicts_are_those_that_promptfoo_documents(tmp_path: Path, assertion: str) -> None:
    text = f"prompts: ['Say {{{{q}}}}']\ntests: [{{vars: {{q: a}}, assert: [{assertion}]}}]\n"
    done = imported(tmp_path, text)
    task = task_of(done)
    assert not done.lost
    assert task.answer is not None
    grader, references = make_grader(task.answer), task.examples[0].references
    said = {text: grader.grade(text, references).score for text in VERDICTS[assertion]}
    assert said == VERDICTS[assertion]


def test_what_promptfoo_does_beside_its_assertions_is_said(tmp_path: Path) -> None:
    text = """\
prompts: ['Say {{q}}']
tests:
- {vars: {q: a}, threshold: 0.5, assert: [{type: contains, value: a, weight: 2}]}
- {vars: {q: b}, options: {transform: output.trim()}, assert: [{type: icontains, value: b}]}
"""
    said = told(imported(tmp_path, text))
    for lost in (
        "test 1: threshold: no such thing here",
        "test 1: assert contains: weight: no such thing here",
        "test 2: options: its transform is code",
        "assert contains: the case of letters counts in no row",
    ):
        assert lost in said
    bleu = "prompts: ['Say {{q}}']\ntests: [{vars: {q: a}, assert: [{type: bleu, value: a}]}]\n"
    assert "assert bleu: a score here, without a threshold" in told(imported(tmp_path, bleu))


@pytest.mark.parametrize(
    ("second", "lost"),
    [
        ("{type: is-json}", True),
        ("{type: is-json, value: {type: array}}", True),
        ("{type: is-json, value: {type: object}}", False),
    ],
)
def test_a_promptfoo_schema_that_counts_for_other_rows_too_is_said(
    tmp_path: Path, second: str, lost: bool
) -> None:
    text = f"""\
prompts: ['Give JSON: {{{{item}}}}']
tests:
- {{vars: {{item: fig}}, assert: [{{type: is-json, value: {{type: object}}}}]}}
- {{vars: {{item: pea}}, assert: [{second}]}}
"""
    done = imported(tmp_path, text)
    assert task_of(done).answer is not None
    assert ("a task has one schema" in told(done)) is lost


def test_promptfoo_reads_tables_templates_and_prompts_of_text(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("First.\n---\nSecond.", encoding="utf-8")
    (tmp_path / "t.csv").write_text("q,__expected\na,icontains: x\nb,icontains: y\n", "utf-8")
    done = imported(tmp_path, "prompts: [file://p.txt]\ntests: file://t.csv\n")
    task = task_of(done)
    assert [one.text for one in task.instructions] == ["First.", "Second."]
    assert [example.gold for example in task.examples] == ["x", "y"]


def test_rows_of_many_combinations_stop_at_ten_thousand(tmp_path: Path) -> None:
    many = ", ".join(map(str, range(300)))
    text = (
        f"prompts: [Say it.]\ntests:\n- vars: {{a: [{many}], b: [{many}], c: [{many}]}}\n"
        "  assert: [{type: equals, value: x}]\n"
    )
    done = imported(tmp_path, text)
    assert len(task_of(done).examples) == 10_000
    assert "rows after the first 10,000: a task file holds no more" in told(done)
