"""Runs of one training's checkpoints: the step of each, by what its model's folder is called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.results.names import short_names
from reports.source import Run, section, text_at

_CHECKPOINT: Final = re.compile(
    r"(?:checkpoint|(?:global[-_]?)?step)[-_]?(\d{1,12})", re.IGNORECASE
)
"""A folder as trainers name a checkpoint: checkpoint-500, step_500, global_step500."""


@dataclass(frozen=True, slots=True)
class Training:
    """The runs of one training's checkpoints, in the order of their steps."""

    name: str
    """The folder of the checkpoints."""
    steps: tuple[tuple[int, int], ...]
    """Step and position of its run on the page."""


def find_trainings(runs: Sequence[Run]) -> tuple[Training, ...]:
    """The trainings of which a page has two checkpoints at least.

    Example:
        Runs of out/checkpoint-500 and out/checkpoint-1000 are of the training `out`.
    """
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for position, run in enumerate(runs):
        name = text_at(section(run.manifest, "model"), "name").rstrip("/")
        folder, _, last = name.rpartition("/")
        if match := _CHECKPOINT.fullmatch(last):
            found[folder].setdefault(int(match[1]), position)
    curves = {folder: steps for folder, steps in found.items() if len(steps) > 1}
    names = short_names([folder or "checkpoints" for folder in curves])
    return tuple(
        Training(name, tuple(sorted(steps.items())))
        for name, steps in zip(names, curves.values(), strict=True)
    )
