"""What `harness list` and `harness show` say: everything there is, each thing once, by its name."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from harness.cli.app import run as harness
from harness.cli.listing import KINDS, list_kind, show_name
from harness.core.errors import ExitCode, UnknownNameError
from harness.core.records import LEVELS, PERTURBED_LEVELS
from harness.tasks.suites import suite_names, task_names, task_path
from perturbations import REGISTRY
from perturbations.search.recipes import RECIPES


def names(kind: str) -> list[str]:
    return [str(row["name"]) for row in list_kind(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_thing_stands_once_with_a_description(kind: str) -> None:
    rows = list_kind(kind)
    assert len({row["name"] for row in rows}) == len(rows) > 0
    assert all(str(row["description"]).strip() for row in rows)
    assert len({tuple(row) for row in rows}) == 1, "rows of one table have the same columns"


def test_nothing_is_left_out() -> None:
    assert sorted(names("perturbations")) == sorted(REGISTRY.names())
    assert sorted(names("recipes")) == sorted(RECIPES.names())
    assert sorted(names("suites")) == sorted(suite_names())
    assert sorted(names("tasks")) == sorted(task_names())
    assert names("levels") == list(LEVELS)


def test_perturbations_stand_by_level() -> None:
    levels = [str(row["level"]) for row in list_kind("perturbations")]
    places = [PERTURBED_LEVELS.index(REGISTRY.get(name).level) for name in names("perturbations")]
    assert places == sorted(places)
    counts = {str(row["name"]): row["perturbations"] for row in list_kind("levels")}
    assert counts == {level: levels.count(level) for level in LEVELS}


@pytest.mark.parametrize("kind", KINDS)
def test_json_has_the_rows_of_the_table(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness(["list", kind, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == list_kind(kind)
    assert harness(["list", kind]) == ExitCode.OK
    table = capsys.readouterr().out
    assert all(name[:8] in table for name in names(kind))


def test_every_task_suite_and_perturbation_is_shown() -> None:
    for name in task_names():
        assert task_path(name).read_text("utf-8").rstrip() in show_name(name)
    for name in suite_names():
        assert yaml.safe_load(show_name(name))["tasks"]
    for name in REGISTRY.names():
        assert f"name: {name}\nlevel: {REGISTRY.get(name).level}\n" in show_name(name)
    task, perturbation = show_name("paraphrase").split("\n---\n")
    assert "labels:" in task
    assert "level: semantic" in perturbation


def test_the_schema_that_is_shown_takes_the_shipped_tasks() -> None:
    schema = json.loads(show_name("task-schema"))
    for name in task_names():
        jsonschema.validate(yaml.safe_load(task_path(name).read_text("utf-8")), schema)


def test_an_unknown_name_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'keyboard'"):
        show_name("keybord")
    assert harness(["list", "perturbation"]) == ExitCode.USAGE
    assert "Did you mean 'perturbations'" in capsys.readouterr().err
