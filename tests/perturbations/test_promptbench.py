"""PromptBench's prompts: read as data, fitted to the label words, and its attack files replayed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from random import Random

import pytest

from harness.core.errors import (
    MissingPackageError,
    NothingToEvaluateError,
    UnknownNameError,
    UsageError,
)
from harness.core.names import parse_instructions
from harness.core.records import Instruction
from harness.evaluation.promptbench_import import import_prompts
from harness.evaluation.variants import read_variants
from harness.tasks import load_tasks
from harness.tasks.instructions import choose_instructions
from perturbations import find_protected, make_variants
from perturbations.base import Perturbation, Subject
from perturbations.diff import replay
from perturbations.external.promptbench_files import (
    make_published_variants,
    parse_markdown,
    parse_rows,
)
from perturbations.external.promptbench_prompts import (
    CHECKLIST,
    PACKAGE,
    SEMANTIC,
    STRESSTEST,
    append_to_end,
    fit_labels,
    read_instructions,
    read_literal,
    read_semantic_prompts,
)

SENTIMENT = ("negative", "positive")
LABELS = {
    "sst2": SENTIMENT,
    "cola": ("unacceptable", "acceptable"),
    "mrpc": ("not_equivalent", "equivalent"),
    "qqp": ("not_equivalent", "equivalent"),
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("entailment", "not_entailment"),
    "rte": ("entailment", "not_entailment"),
    "wnli": ("not_entailment", "entailment"),
}


@pytest.fixture
def package() -> None:
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("promptbench is not installed")


@pytest.mark.usefixtures("package")
class TestInstructions:
    @pytest.mark.parametrize("task", LABELS)
    def test_every_task_of_glue_has_ten_of_each_style(self, task: str) -> None:
        found = read_instructions(task, LABELS[task])
        styles = [instruction.style for instruction in found]
        assert min(styles.count("task"), styles.count("role")) >= 10
        assert len({instruction.text for instruction in found}) == len(found)

    @pytest.mark.parametrize("task", LABELS)
    def test_they_name_the_label_words_and_show_no_input(self, task: str) -> None:
        for instruction in read_instructions(task, LABELS[task]):
            assert all(word in instruction.text for word in LABELS[task])
            assert "{" not in instruction.text
            assert "Question:" not in instruction.text
            assert "Answer:" not in instruction.text

    def test_a_field_within_a_sentence_is_taken_out(self) -> None:
        texts = [one.text for one in read_instructions("rte", LABELS["rte"])]
        assert texts[0].endswith('with "entailment" or "not_entailment", just one word.')

    def test_styles_come_in_turn(self) -> None:
        found = read_instructions("sst2", SENTIMENT)
        assert [one.style for one in found[:4]] == ["task", "role", "task", "role"]

    def test_nothing_of_the_package_is_imported(self) -> None:
        read_literal.cache_clear()
        read_instructions("sst2", SENTIMENT)
        assert not [name for name in sys.modules if name.startswith("promptbench")]

    def test_other_label_words_are_an_error(self) -> None:
        with pytest.raises(UsageError, match=r"names all of this task's label words \(bad, good\)"):
            read_instructions("sst2", ("bad", "good"))

    def test_an_unknown_task_offers_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError, match="Did you mean 'sst2'"):
            read_instructions("sst-2", SENTIMENT)


def test_case_follows_the_label_word() -> None:
    texts = ["Say 'Acceptable' or 'Unacceptable':\nQuestion:{content}\nAnswer:"]
    assert fit_labels(texts, LABELS["cola"]) == ("Say 'acceptable' or 'unacceptable':",)


def test_a_longer_label_does_not_stand_for_a_shorter_one() -> None:
    assert fit_labels(["Say 'not_entailment'."], LABELS["rte"]) == ()


def test_a_text_with_a_place_for_the_input_is_left_out() -> None:
    assert fit_labels(["Is {} 'positive' or 'negative'?"], SENTIMENT) == ()


def test_a_missing_package_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    read_literal.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install --no-deps promptbench"):
        read_instructions("sst2", SENTIMENT)


@pytest.mark.parametrize(
    ("text", "value"), [("4", 4), ("promptbench", None), ("promptbench:2", None)]
)
def test_the_option_is_a_number_or_a_source(text: str, value: int | None) -> None:
    assert parse_instructions(text) == (text if value is None else value)


@pytest.mark.parametrize("text", ["0", "-1", "promptbench:0", "prompt bench", "promtbench", "²"])
def test_another_value_of_the_option_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="--instructions"):
        parse_instructions(text)


@pytest.mark.usefixtures("package")
def test_a_task_can_take_its_instructions_from_promptbench(data_dir: Path) -> None:
    task = choose_instructions(
        load_tasks(suite=None, names=("sst2",), data_dir=data_dir, few_shot=False)[0],
        "promptbench:4",
    )
    assert [one.id for one in task.instructions] == [
        "promptbench-task-1",
        "promptbench-role-1",
        "promptbench-task-2",
        "promptbench-role-2",
    ]
    # Paraphrases of its type of task, none of those of the instructions that it had.
    assert {id_.rsplit("-", 2)[0] for id_ in task.paraphrases} == {"promptbench"}


INSTRUCTION = Instruction("task-1", "task", "Is the review 'positive' or 'negative'?")


def _subject(task: str = "sst2") -> Subject:
    text = INSTRUCTION.text
    return Subject(text, find_protected(text, SENTIMENT), SENTIMENT, task=task)


@pytest.mark.usefixtures("package")
class TestPerturbations:
    @pytest.mark.parametrize("perturbation", [SEMANTIC, CHECKLIST, STRESSTEST])
    def test_variants_replay_and_keep_the_label_words(self, perturbation: Perturbation) -> None:
        made = make_variants(
            "sst2",
            INSTRUCTION,
            perturbations=[perturbation],
            label_words=SENTIMENT,
            paraphrases=(),
            seed=3,
            per_perturbation=3,
        )
        assert len(made.variants) == 3
        for variant in made.variants:
            assert replay(variant.original, variant.edits) == variant.text
            assert variant.validity is not None
            assert variant.validity.protected_intact

    def test_checklist_adds_ten_characters_before_the_ending(self) -> None:
        draft = CHECKLIST.apply(_subject(), Random(1))
        assert draft is not None
        head, _, tail = draft.text.partition("'negative' ")
        assert head == "Is the review 'positive' or "
        assert len(tail) == 11
        assert tail.endswith("?")

    def test_stresstest_adds_one_of_three_tautologies(self) -> None:
        drafts = {STRESSTEST.apply(_subject(), Random(seed)) for seed in range(40)}
        added = {draft.edits[0].after for draft in drafts if draft is not None}
        assert added == {
            " and true is true",
            " and false is not true",
            " and true is true" * 5,
        }

    def test_semantic_draws_from_the_task(self) -> None:
        draft = SEMANTIC.apply(_subject(), Random(0))
        assert draft is not None
        assert draft.text in read_semantic_prompts("sst2", SENTIMENT)

    def test_semantic_finds_nothing_for_another_task(self) -> None:
        assert SEMANTIC.apply(_subject(task="topic"), Random(0)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Say it.", "Say it X."),
        ("Say it: ", "Say it X: "),
        ("Say it", "Say it X"),
        ("Say 'a' or 'b'?!", "Say 'a' or 'b' X?!"),
        ("...", " X..."),
    ],
)
def test_an_addition_stands_after_the_last_word(text: str, expected: str) -> None:
    draft = append_to_end(text, "X")
    assert draft.text == expected
    assert replay(text, draft.edits) == expected


MARKDOWN = """# t5_zeroshot

# sst2

## 10 prompts

Acc: 95.00%, prompt: Is it 'positive' or 'negative'?

## textbugger

Original prompt: Is it 'positive' or 'negative'?
Attacked prompt: b"\\xd0\\x86s it 'positive' or 'negative'? "
Original acc: 95.00%, attacked acc: 61.00%, dropped acc: 34.00%

## translation

Language: french, acc: 17.00%, prompt: Decide if it is 'positive' or 'negative'.

# squad_v2

## 10 prompts

Acc: 75.00%, prompt: Answer or say 'unanswerable'.
"""


def test_a_markdown_file_becomes_variants() -> None:
    variants = make_published_variants(parse_markdown(MARKDOWN), {"sst2": SENTIMENT})
    assert [(v.level, v.perturbation, v.text) for v in variants] == [
        ("clean", "clean", "Is it 'positive' or 'negative'?"),
        (
            "character",
            "promptbench:textbugger",
            "\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}s it 'positive' or 'negative'? ",
        ),
        ("semantic", "promptbench:translation", "Decide if it is 'positive' or 'negative'."),
    ]
    clean, attacked, translated = variants
    assert attacked.instruction_id == clean.instruction_id
    assert attacked.original == clean.text
    assert replay(attacked.original, attacked.edits) == attacked.text
    assert attacked.validity is not None
    assert attacked.validity.protected_intact
    assert translated.original == translated.text


def test_a_lost_label_word_is_seen() -> None:
    rows = [
        {
            "kind": "attack",
            "task": "sst2",
            "attack": "bertattack",
            "original_prompt": "Is it 'positive' or 'negative'?",
            "prompt": "Is it 'good' or 'negative'?",
        }
    ]
    variants = make_published_variants(parse_rows(rows), {"sst2": SENTIMENT})
    assert [v.level for v in variants] == ["clean", "word"]
    assert variants[1].validity is not None
    assert not variants[1].validity.protected_intact


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# sst2\n## textfoolr\n", "line 2: 'textfoolr' is no attack.*Did you mean 'textfooler'"),
        ("# sst2\n## checklist\nAttacked prompt: b'\\xff'\n", "line 3: .*cannot be read"),
        ("# sst2\n## checklist\nAttacked prompt: b'x\n", "line 3: .*cannot be read"),
    ],
)
def test_a_damaged_markdown_file_is_an_error(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(parse_markdown(text))


def test_a_row_without_a_prompt_is_an_error() -> None:
    with pytest.raises(UsageError, match="row 1: a published prompt needs"):
        list(parse_rows([{"task": "sst2"}]))


def test_the_published_file_becomes_a_variants_file(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "variants.jsonl"
    source = data_dir / "prompts" / "promptbench_adv_prompts.jsonl.xz"
    imported = import_prompts([source], out, tasks=["sst2", "cola"], attacks=["textfooler"])
    tasks = load_tasks(suite=None, names=("sst2", "cola"), data_dir=data_dir, few_shot=False)
    made = read_variants(out, tasks)
    assert {name: len(own.variants) for name, own in made.items()} == imported.variants
    levels = {variant.level for own in made.values() for variant in own.variants}
    assert levels == {"clean", "word"}
    assert imported.left_out["squad_v2"] > 0
    clean = {v.instruction_id for v in made["sst2"].variants if v.level == "clean"}
    assert all(v.instruction_id in clean for v in made["sst2"].variants)


def test_an_unknown_attack_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'textfooler'"):
        import_prompts([], tmp_path / "x", attacks=["textfoler"])


def test_a_file_without_a_prompt_for_the_tasks_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "model.md"
    file.write_text(MARKDOWN, encoding="utf-8")
    with pytest.raises(NothingToEvaluateError, match="no prompt for cola is left"):
        import_prompts([file], tmp_path / "x", tasks=["cola"])
