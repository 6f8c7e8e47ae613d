"""docs/statistics.md names what summary.json holds, and says which of it has an interval."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.make_run import TASKS, make_run
from tests.support.paths import ROOT

TEXT = (ROOT / "docs" / "statistics.md").read_text("utf-8")
ROWS = re.findall(r"^\| (`.+?`) \| (yes|no) \| .+ \|$", TEXT, re.MULTILINE)
HAS_INTERVAL = {key: said == "yes" for keys, said in ROWS for key in re.findall(r"`(\w+)`", keys)}


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    return make_run(tasks=TASKS[:2], examples=12).summary.to_json()


def _blocks(summary: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (summary, *summary["tasks"].values()):
        yield from part["levels"].values()
        yield from part["perturbations"].values()


def test_every_key_of_a_block_is_in_the_table(summary: dict[str, Any]) -> None:
    for block in _blocks(summary):
        keys = {key for key in block if not key.endswith("_ci")}
        assert keys == set(HAS_INTERVAL)
        assert {key for key in keys if f"{key}_ci" in block} == {
            key for key, has in HAS_INTERVAL.items() if has
        }


def test_every_other_key_is_named(summary: dict[str, Any]) -> None:
    named = set(re.findall(r"`(\w+)[`.]", TEXT))
    assert set(summary) <= named
    assert set(summary["worst_variants"][0]) <= named
    for task in summary["tasks"].values():
        assert set(task) <= named
