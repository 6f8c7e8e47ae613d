"""The shipped suites and tasks, found by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from harness.core.errors import UnknownNameError
from harness.tasks.schema import Name
from harness.tasks.yamlfile import read_yaml


class SuiteSpec(BaseModel):
    """A suite file: a named list of tasks."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: Name
    description: str = ""
    tasks: Annotated[tuple[Name, ...], Field(min_length=1)]


def suites_dir() -> Path:
    """The folder of the shipped suites."""
    return Path(__file__).parent / "shipped"


def suite_names() -> list[str]:
    """Names of the shipped suites."""
    return sorted(path.stem for path in suites_dir().glob("*.yaml"))


def task_names() -> list[str]:
    """Names of all shipped tasks, suite by suite."""
    return [name for suite in suite_names() for name in read_suite(suite).tasks]


def read_suite(name: str) -> SuiteSpec:
    """A suite by its name, or by the path of a suite file.

    Raises:
        UsageError: no such suite, or a malformed file.
    """
    return read_yaml(_suite_path(name), SuiteSpec, what="suite")


def suite_task_paths(name: str) -> list[Path]:
    """The task files of a suite, which stand in the folder named after it."""
    path = _suite_path(name)
    return [path.parent / path.stem / f"{task}.yaml" for task in read_suite(name).tasks]


def task_path(name: str) -> Path:
    """The file of a shipped task, or the path itself where a file is named.

    Raises:
        UnknownNameError: no shipped task has that name.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    found = sorted(suites_dir().glob(f"*/{name}.yaml"))
    if not found:
        raise UnknownNameError(
            "task", name, task_names(), hint="A task file of your own: --task PATH.yaml."
        )
    return found[0]


def _suite_path(name: str) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    path = suites_dir() / f"{name}.yaml"
    if not path.is_file():
        raise UnknownNameError("suite", name, suite_names())
    return path
