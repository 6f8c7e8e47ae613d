"""Where a run goes: below `runs`, whatever its model and tasks are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evaluation.config import RunConfig
from harness.evaluation.identity import Identity, run_directory
from harness.evaluation.plan import Plan

HOSTILE = [
    "../x",
    "/etc/passwd",
    "a/../../b",
    "..",
    "a\\b",
    "a b",
    "con:x",
    "x" * 300,
    "naïve",
    "\n",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("option", ["suite", "model"])
def test_no_name_decides_where_a_run_goes(option: str, name: str) -> None:
    config = RunConfig.model_validate({"model": "m", "suite": "s", option: name})
    found = run_directory(config, Plan((), {}), Identity({}, {}))
    assert found.parent == Path("runs")
    assert not set("/\\: \n") & set(found.name)
    assert len(found.name) < 100
