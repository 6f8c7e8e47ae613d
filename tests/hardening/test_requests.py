"""Rows under wordings: every kind of task, every row as often, nothing that is tested."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.hardening.requests import (
    check_rows,
    make_control,
    make_requests,
    make_siblings,
    target_of,
    without_tested,
)
from harness.hardening.split import Wording
from harness.tasks import Task
from harness.tasks.load import build_task
from harness.tasks.schema import TaskSpec
from tests.support.paths import ROOT
from trainers.pairs import Pair

LABELS = {"labels": [{"name": "pos", "value": 1, "word": "good"}, {"name": "neg", "value": 0}]}
WORDINGS = [Wording(text, "one") for text in ("Ask.", "Ask it.", "Ask so.")]


def task(rows: list[dict[str, Any]], **keys: Any) -> Task:
    content = {"name": "t", "input": "{{ text }}", "instructions": ["Ask."], **keys}
    spec = TaskSpec.model_validate({**content, "source": {"rows": rows}})
    return build_task(spec, ROOT / "t.yaml", data_dir=None)


def labelled(number: int) -> Task:
    return task([{"text": f"text {n}", "label": n % 2} for n in range(number)], **LABELS)


def targets(one: Task) -> list[str]:
    return [target_of(one, example) for example in one.examples]


def test_the_target_is_what_a_model_is_to_say() -> None:
    assert targets(labelled(2)) == ["neg", "good"]
    rows = [{"text": "q", "choices": ["red", "blue"], "answer": 1}]
    assert targets(task(rows, choices={"by": "letter"})) == ["B"]
    assert targets(task(rows, choices={"by": "text"})) == ["blue"]
    answers = [{"text": "q", "answer": ["Paris", "paris, France"]}]
    assert targets(task(answers, answer={"field": "answer", "grader": "token_f1"})) == ["Paris"]


def test_every_row_and_every_wording_is_asked_as_often() -> None:
    one = labelled(10)
    requests = make_requests(one, one.examples, WORDINGS, 30, seed=0)
    assert set(Counter(r["input"] for r in requests).values()) == {3}
    assert set(Counter(r["instruction"] for r in requests).values()) == {10}
    by_input = {example.input: target_of(one, example) for example in one.examples}
    assert all(by_input[r["input"]] == r["output"] for r in requests)
    assert requests == make_requests(one, one.examples, WORDINGS, 30, seed=0)
    assert requests != make_requests(one, one.examples, WORDINGS, 30, seed=1)


def test_requests_are_laid_out_as_the_task_is() -> None:
    one = task(
        [{"text": "a", "label": 0}, {"text": "b", "label": 1}],
        **LABELS, system="Be kind.", prefill="It is ", placement="last", gap="\n",
    )  # fmt: skip
    shown = make_requests(one, one.examples, WORDINGS, 1, seed=0)[0]
    assert [shown[key] for key in ("system", "prefill", "placement", "gap")] == [
        "Be kind.", "It is ", "last", "\n",
    ]  # fmt: skip
    assert "system" not in make_requests(labelled(2), labelled(2).examples, WORDINGS, 1, seed=0)[0]


def test_each_wording_has_all_others_as_its_siblings() -> None:
    assert make_siblings(WORDINGS).by_text()["Ask it."] == ("Ask.", "Ask so.")


def test_plain_tuning_sees_the_same_rows_in_the_same_order() -> None:
    pairs = [Pair("Ask so.", "Ask.", "good", input=f"text {n}", level="word") for n in range(3)]
    control = list(make_control(pairs, (WORDINGS[0], WORDINGS[1])))
    assert [(p.input, p.target) for p in control] == [(p.input, p.target) for p in pairs]
    assert {(p.original, p.paraphrase, p.level) for p in control} == {
        ("Ask.", "Ask it.", "semantic")
    }
    assert len({p.instruction_id for p in control}) == 1


def test_tested_rows_are_left_out_whatever_case_and_spaces() -> None:
    tested = task([{"text": "Text  1", "label": 1}, {"text": "text 4", "label": 0}], **LABELS)
    left = without_tested(labelled(6).examples, tested.examples)
    assert [one.input for one in left] == ["text 0", "text 2", "text 3", "text 5"]


def test_too_few_rows_say_how_many_are_tested() -> None:
    one = labelled(12)
    check_rows(one, one.examples, given=12, batch=12)
    with pytest.raises(UsageError, match=r"--batch 16 needs as many .* have 12") as error:
        check_rows(one, one.examples, given=12, batch=16)
    assert str(error.value.hint).startswith("Type: --batch 12,")
    with pytest.raises(NothingToEvaluateError, match=r"3 of 12 rows.*8 are needed.*other 9"):
        check_rows(one, one.examples[:3], given=12, batch=2)


def test_one_answer_alone_is_nothing_to_learn() -> None:
    one = labelled(24)
    same = [example for example in one.examples if example.gold == "pos"]
    with pytest.raises(NothingToEvaluateError, match="all 12 rows have the answer 'good'"):
        check_rows(one, same, given=12, batch=2)
