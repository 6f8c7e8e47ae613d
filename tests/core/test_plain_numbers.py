"""A truth value or infinity in place of a number is a mistake wherever a configuration is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.core.errors import UsageError
from harness.core.options import check_options
from harness.evaluation.config import RunConfig
from harness.gate.policy import parse_policy
from harness.hardening.config import HardenConfig
from tests.support.kinds import answer_task
from trainers.config import load_train_config

EXPECTED = "a number was expected, not a truth value"


@pytest.mark.parametrize(
    "rule",
    [{"min": False}, {"max": True}, {"no_worse_than": True}, {"min": 0.5, "margin": False}],
)
def test_a_bound_is_a_number(rule: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=EXPECTED):
        parse_policy({"rules": [{"metric": "accuracy", **rule}]})
    assert parse_policy({"rules": [{"metric": "accuracy", "min": 1}], "strict": True}).strict


def test_so_are_the_amounts_of_tasks_runs_and_trainings(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=EXPECTED):
        parse_task(answer_task(max_new_tokens=True))
    with pytest.raises(UsageError, match=EXPECTED):
        parse_task(answer_task(grader={"name": "numeric", "relative": True}))
    with pytest.raises(UsageError, match=EXPECTED):
        check_options(RunConfig, {"model": "m", "limit": True})
    path = tmp_path / "train.yaml"
    path.write_text("{model: m, pairs: p.jsonl, out: out, learning_rate: true}", encoding="utf-8")
    with pytest.raises(UsageError, match=EXPECTED):
        load_train_config(path, {})


@pytest.mark.parametrize("given", ["inf", "nan", float("inf")])
def test_infinity_is_no_number_either(given: object, tmp_path: Path) -> None:
    asked = {"model": "m", "task": "t", "train": "rows.jsonl", "out": "out", "learning_rate": given}
    with pytest.raises(UsageError, match=r"learning-rate.*finite number"):
        check_options(HardenConfig, asked)
    path = tmp_path / "train.yaml"
    path.write_text("{model: m, pairs: p.jsonl, out: out, learning_rate: .inf}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"learning_rate.*finite number"):
        load_train_config(path, {})
