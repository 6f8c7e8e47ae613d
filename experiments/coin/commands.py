"""Commands of the experiment: the harness's own and its scripts, as lists of words."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HARNESS = (sys.executable, "-m", "harness.cli")

Config = Mapping[str, Any]
"""A form of the experiment, such as small.yaml."""


@dataclass(frozen=True)
class Step:
    """One command."""

    name: str
    command: tuple[str, ...]


def task_word(task: str, spec: Config) -> str:
    """What `harness run --task` takes: the name of a shipped task, or another's file."""
    return str(HERE / spec["file"]) if "file" in spec else task


def harness(*words: object) -> tuple[str, ...]:
    """A command of `harness`."""
    return (*HARNESS, *(str(word) for word in words))


def script(name: str, *words: object) -> tuple[str, ...]:
    """A script of this folder."""
    return (sys.executable, str(HERE / name), *(str(word) for word in words))


def values(flag: str, several: Sequence[object]) -> tuple[str, ...]:
    """An option with several values."""
    return (flag, *(str(value) for value in several))


def flags(options: Mapping[str, object]) -> Iterator[str]:
    """Options of a form as those of `harness`."""
    for key, value in options.items():
        flag = key.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        else:
            yield from (f"--{flag}", ",".join(value) if isinstance(value, list) else str(value))
