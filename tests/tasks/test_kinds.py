"""Task files whose answers are options of a row or free text: what may stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.core.errors import UsageError
from harness.prompting.readers import ChoiceReader
from harness.tasks import Task
from harness.tasks.choices import read_gold, read_options
from harness.tasks.load import build_task, load_task
from harness.tasks.schema import ChoicesSpec
from perturbations import find
from tests.support.kinds import answer_task, choice_task


def load(content: dict[str, Any], **options: Any) -> Task:
    return build_task(parse_task(content), Path("kinds.yaml"), data_dir=None, **options)


def with_row(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The task with its second row changed; None takes a field out."""
    rows = [dict(row) for row in content["source"]["rows"]]
    rows[1] |= changes
    rows[1] = {name: value for name, value in rows[1].items() if value is not None}
    return {**content, "source": {"rows": rows}}


def test_options_stand_below_the_input_and_gold_is_a_letter() -> None:
    task = load(choice_task())
    first = task.examples[0]
    options = dict(zip("ABC", choice_task()["source"]["rows"][0]["choices"], strict=True))
    assert first.input.splitlines() == [
        "Question: which city is number 0?",
        *(f"{letter}. {text}" for letter, text in options.items()),
    ]
    assert dict(first.words) == {letter: letter for letter in options}
    assert dict(first.options) == options
    assert all(example.gold in example.words for example in task.examples)
    assert task.label_names == ("A", "B", "C", "D")
    assert task.chance == pytest.approx((1 / 3 + 1 / 4) / 2)
    assert task.kind == "choices"


def test_options_by_text_are_not_shown_unless_the_template_does() -> None:
    plain = load(choice_task(by="text"))
    assert plain.examples[0].input == "Question: which city is number 0?"
    assert dict(plain.examples[0].words) == dict(plain.examples[0].options)
    shown = load({**choice_task(by="text"), "input": "{{ question }}\n{{ options_block }}"})
    assert "A. " in shown.examples[0].input


def test_a_template_that_shows_options_itself_gets_no_second_list() -> None:
    own = "{{ question }} {{ choices | join(' / ') }}"
    example = load({**choice_task(), "input": own}).examples[0]
    assert "A." not in example.input


def test_options_may_stand_in_fields_of_their_own() -> None:
    spec = ChoicesSpec(field={"A": "opa", "B": "opb"})
    assert read_options({"opa": "no", "opb": "yes"}, spec) == ("no", "yes")
    with pytest.raises(ValueError, match="lacks the field 'opb'"):
        read_options({"opa": "no"}, spec)


@pytest.mark.parametrize(
    ("value", "place"), [("B", 1), (1, 1), ("1", 1), ("Rome", 1), (" Rome ", 1), (0, 0)]
)
def test_gold_is_a_letter_a_place_or_a_text(value: object, place: int) -> None:
    assert read_gold(value, ["Oslo", "Rome"]) == place


def test_a_number_is_a_place_and_a_text_that_may_be_two_options_is_refused() -> None:
    assert read_gold(1, ["1", "2", "3"]) == 1
    with pytest.raises(ValueError, match="may be A and B of the options A: 1; B: 2; C: 3"):
        read_gold("1", ["1", "2", "3"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"choices": ["Rome"], "answer": "A"}, "kinds.yaml: row 2 has 1 option"),
        ({"choices": []}, "row 2 has 0 options"),
        ({"choices": "Rome, Oslo"}, "row 2 has no list but 'Rome, Oslo' in the field 'choices'"),
        ({"choices": None}, "row 2 has nothing in the field 'choices'"),
        ({"choices": ["a", " "], "answer": "A"}, "row 2 has an empty option B"),
        ({"choices": ["a", None], "answer": "A"}, "row 2 has an empty option B"),
        ({"choices": ["a", float("nan")], "answer": "A"}, "row 2 has an empty option B"),
        ({"choices": list(range(27)), "answer": 0}, "27 options, and letters end at Z"),
        ({"answer": "E"}, "row 2 has the gold 'E', which is none of the options A:"),
        ({"answer": 4}, "row 2 has the gold '4', which is none of the options"),
        ({"answer": None}, "row 2 lacks the field 'answer', which says what is right"),
    ],
)
def test_a_choice_that_has_no_right_option_is_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        load(with_row(choice_task(), **row))


def test_options_that_are_the_same_are_told_apart_by_letters_alone() -> None:
    twice = {"choices": ["Rome", "Oslo", "Rome"], "answer": "B"}
    task = load(with_row(choice_task(), **twice))
    assert task.examples[1].gold == "B"
    reader = ChoiceReader(("A", "B", "C"))
    assert reader.read("Oslo", task.examples[1]).answer == "B"
    assert reader.read("Rome", task.examples[1]).answer is None
    by_text = choice_task(by="text")
    with pytest.raises(UsageError, match="has the option 'Rome' twice, as A and C"):
        load(with_row(by_text, **twice))


def test_a_missing_reference_is_named_by_its_line(tmp_path: Path) -> None:
    rows = '{"q": "one", "ref": "1"}\n\n{"q": "two"}\n'
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "task.yaml").write_text(
        "name: t\ninput: '{{ q }}'\ninstructions: [Answer.]\nsource: {file: rows.jsonl}\n"
        "answer: {field: ref, grader: exact}\n",
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match=r"rows.jsonl, line 3 has no reference in the field 'ref'"):
        load_task(tmp_path / "task.yaml", data_dir=None)


def test_free_text_has_references_and_no_chance() -> None:
    task = load(answer_task())
    assert task.kind == "answer"
    assert (task.chance, task.labels, task.scorers) == (0.0, (), ("generate",))
    assert all(example.gold == example.references[0] for example in task.examples)
    assert all(len(example.references) == 2 for example in task.examples)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["yes", "no"]}, "one kind of answer, and labels and choices are given"),
        ({"answer": {"grader": "exact"}}, "choices and answer are given; keep one"),
        ({"choices": None}, "labels .*, choices .*, answer"),
        ({"choices": {"by": "leter"}}, "choices.by"),
        ({"choices": {"gols": "x"}}, "unknown key 'choices.gols'. Did you mean 'gold'"),
        ({"metric": "mcc"}, "metric 'mcc' is of labels, not of choices"),
    ],
)
def test_a_task_file_has_one_kind(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load({**choice_task(), **changes})


@pytest.mark.parametrize(
    ("extract", "message"),
    [
        ({"regex": "(a)", "matchs": "last"}, "unknown key 'answer.extract.matchs'. Did you mean"),
        ({"match": "last"}, "Field required at 'answer.extract.regex'."),
        ("finale", "'none', 'final' or 'last_number' at 'answer.extract'."),
    ],
)
def test_a_mistake_in_what_may_be_of_two_types_is_named_once_by_its_key(
    extract: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(answer_task(extract=extract))
    assert "mistakes" not in str(caught.value)


def test_perturbed_order_and_letters_take_the_right_answer_along() -> None:
    from harness.core.records import Variant
    from harness.evaluation.plan import perturb_example

    task = load(choice_task())
    for name in ("option-order", "option-letters"):
        variant = Variant("v", "city", "sentence", name, "task-1", 0, 11, "Do.", "Do.")
        for example in task.examples:
            moved = perturb_example(task, variant, example, find(name))
            assert moved.gold == example.gold
            assert moved.options == example.options
            assert moved.input != example.input
            # What is to be said stands before the right option's text.
            said, text = moved.words[moved.gold], moved.options[moved.gold]
            (line,) = (one for one in moved.input.splitlines() if one.endswith(f" {text}"))
            assert line.strip("([ ").startswith(said)
            again = perturb_example(task, variant, example, find(name))
            assert again == moved
        if name == "option-order":
            assert any(
                perturb_example(task, variant, one, find(name)).words != one.words
                for one in task.examples
            )


def test_few_shot_examples_are_answered_by_letter_text_or_reference() -> None:
    from harness.prompting.prompts import Prompter

    for content, wanted in ((choice_task(), "words"), (answer_task(), "references")):
        task = load({**content, "few_shot": {"rows": content["source"]["rows"][:2]},
                     "source": {"rows": content["source"]["rows"][2:]}}, few_shot=True)  # fmt: skip
        shots = task.shots(2, seed=0)
        prompter = Prompter("plain", task.answer_cue, task.verbalizer_of, shots)
        prompt = prompter.prompt("Do.", "x")
        for shot in shots:
            said = shot.words[shot.gold] if wanted == "words" else shot.references[0]
            assert f"{shot.input}\nAnswer: {said}\n" in prompt
