"""`harness import-task`: what becomes of other programs' files, and what is named as lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.authoring.import_task import Imported, import_task
from harness.authoring.importers.prompt_parts import split_prompt
from harness.cli.app import run as harness
from harness.core.errors import HarnessError, UsageError
from harness.grading import make_grader
from tests.support.imported_tasks import imported, task_of, told

LM_EVAL = """\
task: capitals
dataset_path: json
dataset_kwargs: {data_files: {test: rows.jsonl}}
test_split: test
"""


def test_a_fixed_list_of_choices_becomes_labels_by_place(tmp_path: Path) -> None:
    text = LM_EVAL + (
        "output_type: multiple_choice\n"
        'doc_to_text: "{{sentence}}\\nQuestion: Is this sentence good or bad?\\nAnswer:"\n'
        "doc_to_target: label\ndoc_to_choice: [bad, good]\nmetric_list: [{metric: acc}]\n"
    )
    done = imported(
        tmp_path, text, [{"sentence": "Fine.", "label": 1}, {"sentence": "No", "label": 0}]
    )
    task = task_of(done)
    assert [example.gold for example in task.examples] == ["good", "bad"]
    assert task.instructions[0].text == "Question: Is this sentence good or bad?"
    assert (task.placement, task.answer_cue, task.scorer) == ("last", "Answer:", "loglik")
    assert task.examples[0].input == "Fine."
    assert task.gap == "\n"
    assert not done.lost


@pytest.mark.parametrize(
    ("lines", "gap", "lost"),
    [
        ('description: "Solve it.\\n\\n"\ndoc_to_text: "Q: {{q}}\\nA:"\n', "\n\n", ""),
        ('description: "Solve it.\\n"\ndoc_to_text: "Q: {{q}}\\nA:"\n', "\n", ""),
        ('description: "Solve it. "\ndoc_to_text: "Q: {{q}}\\nA:"\n', " ", ""),
        ('description: "Solve it."\ndoc_to_text: "Q: {{q}}\\nA:"\n', "\n\n", "a blank line"),
        ('doc_to_text: "Solve what is here:\\n\\n\\nQ: {{q}}\\nA:"\n', "\n\n\n", ""),
        ('doc_to_text: "{{q}}\\n\\nSolve what is above.\\nA:"\n', "\n\n", ""),
        ('description: "Solve it.\\n\\n"\ndoc_to_text: q\n', "\n\n", "no last line is a cue"),
        (
            'target_delimiter: ""\ndescription: "Do.\\n"\ndoc_to_text: "{{q}}\\nA:"\n',
            "\n",
            "target_delimiter: ''",
        ),
        (
            'description: "Be brief.\\n"\ndoc_to_text: "{{q}}\\nSolve what is above.\\nA:"\n',
            "\n",
            "one instruction here",
        ),
    ],
)
def test_what_stands_between_instruction_and_row_is_kept(
    tmp_path: Path, lines: str, gap: str, lost: str
) -> None:
    done = imported(tmp_path, LM_EVAL + lines + "doc_to_target: a\n", [{"q": "1 + 1", "a": "2"}])
    assert task_of(done).gap == gap
    assert lost in told(done)
    assert bool(lost) == bool(done.lost)


@pytest.mark.parametrize(
    ("begun", "prefill", "lost"), [("So", "So", False), ("{{q}}", "", True), ("", "", False)]
)
def test_what_an_answer_is_begun_with_is_a_prefill(
    tmp_path: Path, begun: str, prefill: str, lost: bool
) -> None:
    text = f'description: Do.\ndoc_to_text: "{{{{q}}}}\\nA:"\ngen_prefix: "{begun}"\n'
    done = imported(tmp_path, f"{LM_EVAL}{text}doc_to_target: a\n", [{"q": "1 + 1", "a": "2"}])
    assert task_of(done).prefill == prefill
    assert ("gen_prefix: every answer begins with the same text" in told(done)) is lost


def test_a_group_names_the_files_of_its_tasks(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("task: first\ndoc_to_text: !function x.y\n", "utf-8")
    (tmp_path / "two.yml").write_text("task: second\n", "utf-8")
    (tmp_path / "bad.yaml").write_text("a: [", "utf-8")
    group = tmp_path / "all.yaml"
    members = "[first, {task: second, num_fewshot: 2}, {group: g, task: [x]}]"
    group.write_text(f"group: all\ntask: {members}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is a group of lm-eval, not a task") as caught:
        import_task(group, out=tmp_path / "ours.yaml")
    assert f"{tmp_path / 'one.yaml'}, {tmp_path / 'two.yml'}, x (no file" in caught.value.message
    assert caught.value.hint is not None
    assert f"harness import-task {tmp_path / 'one.yaml'}" in caught.value.hint
    assert not (tmp_path / "ours.yaml").exists()
    tag = "tag: t\ngroup: t\n"  # of old files: a task that belongs to a group
    assert imported(tmp_path, LM_EVAL + tag + "doc_to_text: 'Do. {{q}}'\ndoc_to_target: a\n",
                    [{"q": "1", "a": "2"}])  # fmt: skip


def test_of_several_included_files_the_later_ones_count(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("doc_to_text: q\ndoc_to_target: wrong\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("doc_to_target: a\n", encoding="utf-8")
    text = LM_EVAL + "include: [a.yaml, b.yaml]\ndescription: Solve it.\n"
    assert task_of(imported(tmp_path, text, [{"q": "1 + 1", "a": "2"}])).examples[0].gold == "2"


def test_choices_of_the_row_and_expressions_become_derived_fields(tmp_path: Path) -> None:
    text = LM_EVAL + (
        "output_type: multiple_choice\n"
        'doc_to_text: "Question: {{question}}\\nAnswer:"\n'
        'doc_to_target: "{{choices.label.index(key)}}"\ndoc_to_choice: "{{choices.text}}"\n'
        "metric_list: [{metric: acc}, {metric: acc_norm}]\n"
    )
    row = {"question": "q", "key": "2", "choices": {"text": ["x", "y z"], "label": ["1", "2"]}}
    done = imported(tmp_path, text, [row])
    task = task_of(done)
    assert (task.examples[0].gold, dict(task.examples[0].options)) == ("B", {"A": "x", "B": "y z"})
    assert task.choices is not None
    assert (task.choices.by, task.choices.normalize) == ("text", "byte")
    assert "metric acc: a task has one; acc_norm is kept" in told(done)
    assert "it holds no instruction" in told(done)


def test_generated_answers_have_stops_a_grader_and_the_filter(tmp_path: Path) -> None:
    text = LM_EVAL + (
        "output_type: generate_until\ndescription: Solve it.\n"
        'doc_to_text: "Q: {{question}}\\nA:"\ndoc_to_target: "{{answer}}"\n'
        "metric_list: [{metric: exact_match, ignore_case: true, regexes_to_ignore: [',']}]\n"
        "generation_kwargs: {until: ['Q:'], max_gen_toks: 99, do_sample: true, top_k: 3}\n"
        "filter_list:\n- name: strict\n  filter:\n"
        "  - {function: regex, regex_pattern: '#### (\\d+)', group_select: -1}\n"
        "  - {function: majority_vote}\n  - {function: take_first}\n"
        "- name: flexible\n  filter: [{function: take_first}]\n"
        "num_fewshot: 5\nrepeats: 4\n"
    )
    done = imported(tmp_path, text, [{"question": "6 x 7?", "answer": "so 42\n#### 42"}])
    task = task_of(done)
    assert task.answer is not None
    assert (task.answer.stop, task.answer.max_new_tokens) == (("Q:",), 99)
    assert task.instructions[0].text == "Solve it."
    grade = make_grader(task.answer).grade(
        "first #### 1, then #### 42", task.examples[0].references
    )
    assert grade.score == 1.0
    for lost in (
        "regexes_to_ignore: ','", "filter majority_vote", "filter flexible", "do_sample",
        "generation_kwargs.top_k", "--few-shot 5", "repeats",
    ):  # fmt: skip
        assert lost in told(done), lost
    assert "ignore_case" not in told(done)


def test_a_list_of_references_stays_one(tmp_path: Path) -> None:
    text = LM_EVAL + 'doc_to_text: question\ndoc_to_target: "{{answer.aliases}}"\n'
    done = imported(tmp_path, text, [{"question": "Who?", "answer": {"aliases": ["Ann", "A."]}}])
    task = task_of(done)
    assert task.examples[0].references == ("Ann", "A.")
    assert task.examples[0].input == "Who?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: t\nclass: !function task.SQuAD2\n", "line 2: class: !function task.SQuAD2"),
        (LM_EVAL + "doc_to_text: !function utils.ask\ndoc_to_target: x\n", "never run"),
        (
            LM_EVAL + "doc_to_text: ''\ndoc_to_target: 0\n",
            "line 5: doc_to_text: there is no prompt",
        ),
        (
            LM_EVAL + "doc_to_text: q\ndoc_to_target: ''\n",
            "line 6: doc_to_target: there is nothing",
        ),
        (
            "dataset_path: ''\ndoc_to_text: q\ndoc_to_target: a\n",
            "line 1: dataset_path: there is no",
        ),
        (
            LM_EVAL + "doc_to_text: q\nprocess_docs: !function u.f\ndoc_to_target: x\n",
            "line 6: pro",
        ),
        (LM_EVAL + "doc_to_text: q\n", "doc_to_target: there is nothing that says what is right"),
        (LM_EVAL + "output_type: loglikelihood_rolling\n", "loglikelihood_rolling has no labels"),
        ("task: t\ndoc_to_text: q\ndoc_to_target: a\n", "dataset_path"),
        ("include: theirs.yaml\ntask: t\n", "lead too deep, or back"),
        ("include: none.yaml\ntask: t\n", "included file not found"),
        ("a: 1\n", "neither lm-eval's keys"),
        ("- 1\n", "a mapping of keys was expected"),
        (LM_EVAL + "doc_to_text: q\ndoc_to_target: a\nmetric_list: acc\n", "'metric_list'"),
        (LM_EVAL + "filter_list: [{filter: [take_first]}]\n", "'filter_list.0.filter.0'"),
        (LM_EVAL + "generation_kwargs: {max_gen_toks: many}\n", "generation_kwargs.max_gen_toks"),
        (LM_EVAL + "validation_split: [a]\n", "'validation_split'"),
        (
            LM_EVAL + "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: []\n",
            "there are no choices",
        ),
        ("prompts: [P]\ntests: [{vars: [a]}]\n", "'tests.0.vars'"),
        ("prompts: [P]\ntests: [{vars: {1: a}}]\n", "'tests.0.vars"),
        ("prompts: [P]\ntests: [{vars: {a: b}, assert: equals}]\n", "'tests.0.assert"),
        ("prompts: [P]\ntests: 3\n", "'tests"),
        ("a: [\n", "not valid YAML"),
        ("prompts: [Say it.]\ntests: []\n", "none has variables and assertions"),
        (
            "prompts: [p.js]\ntests: [{vars: {a: b}, assert: [{type: equals, value: x}]}]\n",
            "none is",
        ),
        (
            "prompts: [P]\ntests: [{vars: {a: b}, assert: [{type: python, value: x}]}]\n",
            "no assertion",
        ),
    ],
)
def test_what_is_no_task_is_refused_and_nothing_is_written(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(HarnessError) as caught:
        imported(tmp_path, text)
    assert message in str(caught.value)
    assert not (tmp_path / "ours.yaml").exists()


def test_an_included_file_is_read_below_the_one_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "_base_yaml").write_text(
        LM_EVAL + "doc_to_text: q\ndoc_to_target: a\ndescription: Base.\n", encoding="utf-8"
    )
    done = imported(tmp_path, "include: _base_yaml\ndescription: Mine.\n", [{"q": "x", "a": "y"}])
    assert task_of(done).instructions[0].text == "Mine."


def test_code_beside_what_a_task_needs_is_named_and_left(tmp_path: Path) -> None:
    text = LM_EVAL + "doc_to_text: q\ndoc_to_target: a\nmetric_list: [{metric: !function u.m}]\n"
    done = imported(tmp_path, text, [{"q": "x", "a": "y"}])
    assert "line 7: metric_list: it is code, and code of a file is never run" in told(done)


def samples(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Imported:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "s.jsonl").write_text(lines, encoding="utf-8")
    return import_task(folder / "s.jsonl", out=folder / "ours.yaml", force=True)


def test_inspect_samples_with_choices_and_without(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "input": "Capital?",
        "choices": ["Rome", "Oslo"],
        "target": "B",
        "metadata": {},
    }
    done = samples(tmp_path, [row])
    assert task_of(done).examples[0].gold == "B"
    assert "line 1: metadata" in told(done)
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital?"}]
    task = task_of(samples(tmp_path, [{"input": chat, "target": ["Rome", "Roma"]}]))
    assert (task.system, task.examples[0].input) == ("Be brief.", "Capital?")
    assert task.examples[0].references == ("Rome", "Roma")


def test_chats_become_labels_where_answers_come_again_else_free_text(tmp_path: Path) -> None:
    def chat(question: str, answer: str, *before: dict[str, str]) -> dict[str, Any]:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return {"messages": [*before, *turns]}

    done = samples(tmp_path, [chat(f"film {n}", ("good", "bad")[n % 2]) for n in range(6)])
    task = task_of(done)
    assert (task.label_names, task.examples[1].gold) == (("good", "bad"), "bad")
    assert task.instructions[0].text == "Answer with 'good' or 'bad'."
    earlier = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    task = task_of(samples(tmp_path, [chat("Who are you?", "I am Ann, and I help you.", *earlier)]))
    assert task.examples[0].input == "User: Hi\nAssistant: Hello\nUser: Who are you?"
    assert [turn.role for turn in task.examples[0].turns] == ["user", "assistant", "user"]
    assert task.examples[0].gold == "I am Ann, and I help you."


def told_by(system: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}] if system else []


@pytest.mark.parametrize(
    ("systems", "system", "roles", "lost"),
    [
        (["Be brief.", "Be brief."], "Be brief.", ["user", "assistant", "user"], "--target system"),
        (["Be brief.", "Be kind."], "", ["system", "user", "assistant", "user"], "they differ"),
        (["Be brief.", ""], "", ["system", "user", "assistant", "user"], "they differ"),
        (["", ""], "", ["user", "assistant", "user"], "added: 'Answer the question below.'."),
    ],
)
def test_a_chats_system_text_and_its_turns_are_the_tasks(
    tmp_path: Path, systems: list[str], system: str, roles: list[str], lost: str
) -> None:
    said = [("user", "Hi"), ("assistant", "Hello"), ("user", "Who?"), ("assistant", "Ann, I said.")]
    turns = [{"role": role, "content": content} for role, content in said]
    done = samples(tmp_path, [{"messages": [*told_by(one), *turns]} for one in systems])
    task = task_of(done)
    assert task.system == system
    assert [turn.role for turn in task.examples[0].turns] == roles
    assert (task.examples[0].turns[-1].content, task.examples[0].gold) == ("Who?", "Ann, I said.")
    assert lost in told(done)


def test_one_question_under_a_shared_system_text_is_an_input(tmp_path: Path) -> None:
    rows = [
        {"messages": [
            {"role": "system", "content": "Fill in JSON."},
            {"role": "user", "content": f"order {n}"},
            {"role": "assistant", "content": f"number {n} it is, and no other"},
        ]}
        for n in range(3)
    ]  # fmt: skip
    task = task_of(samples(tmp_path, rows))
    assert (task.system, task.messages, task.examples[1].input) == (
        "Fill in JSON.",
        None,
        "order 1",
    )


@pytest.mark.parametrize(
    "row",
    [
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]},
        {"messages": [{"role": "user", "content": [{"type": "image"}]}] * 2},
        {"messages": [{"role": "assistant", "content": "a"}] * 2},
        {"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"input": [{"role": "assistant", "content": "a"}], "target": "b"},
        {"input": "x"},
    ],
)
def test_samples_without_an_answer_are_refused_with_their_line(
    tmp_path: Path, row: Mapping[str, Any]
) -> None:
    with pytest.raises(UsageError, match=r"s\.jsonl, line 1: "):
        samples(tmp_path, [row])


def test_the_command_names_what_is_lost_and_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = LM_EVAL + "doc_to_text: q\ndoc_to_target: a\nnum_fewshot: 2\n"
    Path("theirs.yaml").write_text(text, encoding="utf-8")
    assert harness(["import-task", "theirs.yaml"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "capitals.yaml\n"
    assert "not carried over: theirs.yaml, line 7: num_fewshot" in shown.err
    head = Path("capitals.yaml").read_text("utf-8")
    assert "# Not carried over: theirs.yaml, line 7: num_fewshot" in head
    assert yaml.safe_load(head)["source"] == {"file": "rows.jsonl"}
    assert harness(["import-task", "theirs.yaml"]) == 2
    assert "--force" in capsys.readouterr().err
    assert harness(["import-task", "theirs.yaml", "--force", "--json", "--from", "lm-eval"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "lm-eval"
    assert harness(["import-task", "theirs.yaml", "--from", "lmeval"]) == 2
    assert "Did you mean 'lm-eval'?" in capsys.readouterr().err


def test_a_prompt_whose_lines_all_show_a_row_has_no_instruction() -> None:
    parts = split_prompt("Question: {{q}}\nAnswer:")
    assert (parts.instruction, parts.input, parts.cue) == ("", "Question: {{q}}", "Answer:")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"input": [{"role": "user", "content": "x"}], "target": "y"},
          {"input": "z", "target": "y"}], "line 2: row: a list of 1 or more messages"),
        ([{"input": "z", "target": "y"}, {"input": ["x"], "target": "y"}],
         "line 2: row: its input is"),
        ([{"input": ["x"], "target": "y"}], "every message needs a role"),
        ([{"input": "x", "target": None}], "no input or no target"),
        ([{"messages": [{"content": "x"}, {"role": "assistant", "content": "y"}]}],
         "every message needs a role"),
    ],
)  # fmt: skip
def test_samples_of_mixed_forms_are_named_by_line(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    path = tmp_path / "my samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        import_task(path, out=tmp_path / "ours.yaml")


def test_a_file_with_spaces_in_its_name_is_a_task(tmp_path: Path) -> None:
    path = tmp_path / "my samples.jsonl"
    path.write_text('{"input": "x", "target": "y"}\n', encoding="utf-8")
    assert task_of(import_task(path, out=tmp_path / "ours.yaml")).name == "my-samples"
