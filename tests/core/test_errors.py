"""Errors say what was given, what is near, and what to type."""

from __future__ import annotations

from harness.core.errors import ExitCode, MissingPackageError, UnknownNameError, UsageError


def test_unknown_name_offers_the_nearest() -> None:
    error = UnknownNameError("level", "semantics", ["word", "semantic", "sentence"])
    assert str(error) == "unknown level 'semantics'. Did you mean 'semantic'?"


def test_unknown_name_lists_what_there_is_when_nothing_is_near() -> None:
    error = UnknownNameError("level", "zzz", ["word", "semantic"])
    assert str(error) == "unknown level 'zzz'. Available: semantic, word."


def test_unknown_name_of_an_empty_registry() -> None:
    assert str(UnknownNameError("suite", "x", [])) == "unknown suite 'x'; none is available."


def test_hint_follows_the_message() -> None:
    assert str(UsageError("bad.", hint="Type: good.")) == "bad. Type: good."


def test_missing_package_names_the_line_to_type() -> None:
    error = MissingPackageError("peft", needed_for="an adapter", install="pip install peft")
    assert "pip install peft" in str(error)
    assert error.exit_code == ExitCode.USAGE
