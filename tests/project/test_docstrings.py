"""The examples in docstrings run, and their output is as shown."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from tests.support.house import FOLDERS, modules

NEED_A_RUN: Final = ("harness.api", "harness.results.summary")
"""Their examples speak of runs of the reader's own; tests/api has such calls with real ones."""


def has_examples(path: Path) -> bool:
    """Whether a file shows an example in a docstring."""
    return ">>> " in path.read_text(encoding="utf-8")


MODULES: Final = sorted(
    name
    for folder in FOLDERS
    for name, path in modules(folder).items()
    if has_examples(path) and not name.startswith(NEED_A_RUN)
)


@pytest.mark.parametrize("room", ["harness.stats", "harness.metrics", "trainers", "perturbations"])
def test_there_are_examples(room: str) -> None:
    assert sum(name.startswith(room) for name in MODULES) > 2


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_comes_out(name: str) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed
