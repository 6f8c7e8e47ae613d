"""The examples in docstrings run, and their output is as shown."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import trainers

MODULES = sorted(
    module.name
    for module in walk_packages(trainers.__path__, "trainers.")
    if ">>> " in Path(str(import_module(module.name).__file__)).read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    assert {"trainers.objectives.contrast", "trainers.collator", "trainers.pooling"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_comes_out(name: str) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed
