"""Options: what is wrong with a value is said in one line, with the nearest right one."""

from __future__ import annotations

import inspect

import pytest

import harness
from harness.core.errors import UnknownNameError, UsageError
from harness.core.names import parse_levels, split_names
from harness.core.options import check_options
from harness.evaluation.config import RunConfig

WRONG: dict[str, tuple[dict[str, object], str]] = {
    "choice": ({"dtype": "float23"}, "unknown dtype 'float23'. Did you mean 'float32'"),
    "range": ({"limit": 0}, "--limit 0: input should be greater than or equal to 1."),
    "empty": ({"metrics": ""}, "--metrics '': an empty text names nothing."),
    "option": ({"limitt": 3}, "unknown option 'limitt'. Did you mean 'limit'?"),
    "level": ({"levels": ["semantics"]}, "unknown level 'semantics'. Did you mean 'semantic'?"),
    "instructions": ({"instructions": "promptbnch"}, "--instructions 'promptbnch' is neither"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_explained(case: str) -> None:
    options, message = WRONG[case]
    with pytest.raises(UsageError) as raised:
        check_options(RunConfig, {"model": "m", **options})
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="--model is missing"):
        check_options(RunConfig, {})


def test_python_calls_options_by_their_own_names() -> None:
    with pytest.raises(UsageError, match=r"^few_shot -1: input should be"):
        harness.run("m", few_shot=-1)
    with pytest.raises(UnknownNameError, match="Did you mean 'loglik'"):
        harness.run("m", scorers="loglike")


def test_run_takes_every_option_with_the_configurations_default() -> None:
    parameters = dict(inspect.signature(harness.run).parameters)
    assert parameters.pop("progress").default is None
    assert parameters.pop("model").default is inspect.Parameter.empty
    fields = {n: f.get_default() for n, f in RunConfig.model_fields.items() if n != "model"}
    assert {name: one.default for name, one in parameters.items()} == fields


def test_names_are_one_a_list_or_separated_by_commas() -> None:
    assert split_names("a, b") == split_names(["a,b", "a"]) == ("a", "b")
    assert split_names(7) == 7
    assert check_options(RunConfig, {"model": "m", "tasks": "a,b"}).tasks == ("a", "b")
    assert check_options(RunConfig, {"model": "m", "stacks": "a+b"}).stacks == ("a+b",)


def test_levels_are_read_in_their_order() -> None:
    assert parse_levels("semantic,character") == ("character", "semantic")
    assert parse_levels(["all"]) == ("character", "word", "sentence", "semantic")
    assert parse_levels("clean") == parse_levels([]) == ()
    with pytest.raises(UsageError, match="--levels is empty"):
        parse_levels("")
