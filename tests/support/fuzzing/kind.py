"""What a kind of input is, and the evaluation that inputs of several kinds go through."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.victims import TouchyModel

Wrong = Callable[[Path, tuple[Any, ...], Any], bool]
"""Whether a value at a place of a file is surely wrong; the place is () for damaged bytes."""


def never(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    """No change is surely wrong."""
    return False


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    make: Callable[[Path], None]
    """Writes valid files into a folder."""
    read: Callable[[Path], None]
    """Reads them as a user's command would; raises `AssertionError` for numbers that are none."""
    wrong: Wrong = never
    share: int = 10
    """How often it is drawn, relative to others."""
    files: Sequence[str] = ("*",)
    """Patterns of the files that are damaged."""


def evaluate(folder: Path, *, model: Any = None, **options: Any) -> None:
    """Run the task of a folder, and look at its numbers."""
    from harness.core.options import check_options
    from harness.evaluation.config import RunConfig
    from harness.evaluation.execute import execute
    from harness.evaluation.prepare import prepare

    values = {
        "model": "touchy", "tasks": (str(folder / "task.yaml"),), "out": folder / "out",
        "perturbations": ("keyboard",), "limit": 6, "instructions": 1, "resamples": 100,
        "cache": False, "window": 16, "scorers": ("loglik",), **options,
    }  # fmt: skip
    plan = prepare(check_options(RunConfig, values), load=lambda _: model or TouchyModel())
    run = execute(plan, command="fuzz")
    for level in run.summary.levels.values():
        assert level.accuracy is not None
        assert 0 <= level.accuracy.value <= 1


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
