"""What `harness` offers: its names, loaded lazily, their documentation and their errors."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import harness
from harness.api.words import to_keywords
from harness.core.errors import UnknownNameError, UsageError

FUNCTIONS = [name for name in harness.__all__ if inspect.isfunction(getattr(harness, name))]


def test_every_name_is_there_and_no_other_is_offered() -> None:
    assert dir(harness) == sorted(harness.__all__)
    for name in harness.__all__:
        assert getattr(harness, name) is not None


def test_a_misspelt_name_has_what_python_needs_to_offer_the_nearest() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import harness; harness.perturbb"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Did you mean: 'perturb'?" in done.stderr


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_takes_returns_and_raises(name: str) -> None:
    function = getattr(harness, name)
    text = inspect.getdoc(function) or ""
    for part in ("Args:", "Returns:", "Raises:", "Example:"):
        assert part in text, part
    for parameter in inspect.signature(function).parameters:
        assert f"    {parameter}: " in text, parameter


def test_errors_speak_of_keywords() -> None:
    with pytest.raises(UsageError, match=r"^share 0\.1 and cells 4 say differently"):
        harness.run("m", share=0.1, cells=4)
    with pytest.raises(UsageError) as raised:
        harness.run("m", cells=4)
    assert str(raised.value.hint).startswith("Pass: cells ")
    with pytest.raises(UsageError, match=r"^scorers is empty"):
        harness.run("m", scorers=",")
    with pytest.raises(UnknownNameError, match=r"unknown strength 'hi'\. Did you mean 'high'"):
        harness.perturb("Classify it.", strength="hi")  # type: ignore[arg-type]


def test_a_command_in_a_message_stays_one() -> None:
    names = ("limit", "tasks", "balance")
    assert to_keywords("--limit 3, --task x", names) == "limit 3, tasks x"
    assert to_keywords("harness run --limit 3", names) == "harness run --limit 3"
    assert to_keywords("--no-balance or --other", names) == "balance=False or --other"
