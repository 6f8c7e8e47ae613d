"""Graders of the user's own: a file of `--plugin`, or an entry point."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from harness.core.errors import UnknownNameError, UsageError
from harness.grading import Grade, Grader, load_graders
from harness.grading.plugin import FUNCTIONS
from tests.support.graders import grader
from tests.support.paths import ROOT

PLUGIN = ROOT / "tests" / "plugin_example"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry, put back as it was after the test."""
    monkeypatch.setattr(FUNCTIONS, "_things", dict(FUNCTIONS._things))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def test_a_file_adds_its_graders_once() -> None:
    assert load_graders(PLUGIN / "grading.py") == ("length_ratio",)
    assert load_graders(PLUGIN / "grading.py") == ("length_ratio",)
    ratio = grader("length_ratio")
    assert ratio.grade("one two", ["one two three four", "one"]) == Grade(0.5, "one two")
    assert ratio.grade("", ["one"]) == Grade(0.0, None)
    assert not ratio.binary


def test_options_are_handed_to_the_function() -> None:
    load_graders(PLUGIN / "grading.py")
    assert grader("length_ratio", unit="characters").grade("abc", ["abcdef"]).score == 0.5
    with pytest.raises(UsageError, match=r"grader 'length_ratio' failed: TypeError: .*'units'"):
        grader("length_ratio", units="x").grade("abc", ["abc"])


def test_an_entry_point_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    monkeypatch.delitem(sys.modules, "grading", raising=False)
    point = EntryPoint("length_ratio", "grading:length_ratio", "harness.graders")
    monkeypatch.setattr(FUNCTIONS, "_plugins", {"length_ratio": point})
    assert grader("length_ratio").grade("a", ["a"]).score == 1


def test_an_entry_point_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("mine", "nowhere_at_all:mine", "harness.graders")
    monkeypatch.setattr(FUNCTIONS, "_plugins", {"mine": point})
    with pytest.raises(UsageError, match=r"grader 'mine' cannot be loaded: .*nowhere_at_all"):
        grader("mine")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown grader 'exat'. Did you mean 'exact'\?"):
        grader("exat")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1", "neither PERTURBATIONS nor GRADERS nor METRICS is defined"),
        ("GRADERS = 3", "GRADERS is no mapping"),
        ("GRADERS = {'a': 3}", "'a', is no name with a function"),
        ("GRADERS = {3: print}", "3, is no name with a function"),
        ("GRADERS = {'exact': print}", "there is a grader 'exact' already"),
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, code: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code)
    for _ in range(2):
        with pytest.raises(UsageError, match=message):
            load_graders(path)


def test_a_file_of_perturbations_adds_no_grader() -> None:
    assert load_graders(PLUGIN / "shouting.py") == ()


@pytest.mark.parametrize(
    ("returned", "grade"),
    [
        ("True", Grade(1.0, "x")),
        ("0", Grade(0.0, "x")),
        ("None", Grade(0.0, None)),
        ("Grade(0.25, 'y')", Grade(0.25, "y")),
        ("Grade(1, None)", Grade(0.0, None)),
    ],
)
def test_what_a_function_may_return(tmp_path: Path, returned: str, grade: Grade) -> None:
    assert _own(tmp_path, returned).grade("x", ["x"]) == grade


@pytest.mark.parametrize("returned", ["1.5", "-1", "'x'", "float('nan')", "Grade(2, 'x')"])
def test_what_it_may_not(tmp_path: Path, returned: str) -> None:
    with pytest.raises(UsageError, match="must return a number from 0 to 1, None, or a Grade"):
        _own(tmp_path, returned).grade("x", ["x"])


def _own(folder: Path, returned: str) -> Grader:
    path = folder / "own.py"
    path.write_text(
        "from harness.grading import Grade\n"
        f"GRADERS = {{'own': lambda text, references: {returned}}}\n"
    )
    load_graders(path)
    return grader("own")
