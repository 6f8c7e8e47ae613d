"""A small part of the fuzz: mutated inputs end in one line, in time, and never in false numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fuzzing.__main__ import fuzz
from tests.support.fuzzing.kinds import KINDS


@pytest.mark.parametrize("name", KINDS)
def test_mutated_inputs_are_refused_or_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    inputs = min(12, KINDS[name].share)  # what takes long has a small share
    assert not fuzz(inputs, 7, [name], tmp_path)[name].faults
