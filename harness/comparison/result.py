"""What a comparison found, typed, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from harness.comparison.changes import Changes, PromptTest
from harness.comparison.differences import Difference
from harness.comparison.ranking import Ranking
from harness.results.jsonfiles import Json

_DECIMALS: Final = 10


@dataclass(frozen=True, slots=True)
class Pair:
    """One run against the first."""

    first: str
    second: str
    differences: tuple[Difference, ...]
    changes: tuple[Changes, ...]
    prompts: tuple[PromptTest, ...]
    overall: Difference | None = None
    """In accuracy over the perturbed levels, all alike; None where none is shared."""

    def difference(self, metric: str, level: str, task: str | None = None) -> Difference | None:
        """The difference of a metric at a level, of one task or over all; None if undefined."""
        wanted = (metric, level, task)
        found = (d for d in self.differences if (d.metric, d.level, d.task) == wanted)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more runs on the cells that all of them have."""

    runs: tuple[str, ...]
    scorer: str
    score: str
    """What the mean score is called: accuracy, or the metric that the tasks share."""
    confidence: float
    tasks: tuple[str, ...]
    cells: int
    """Cells that every run has."""
    unmatched: tuple[int, ...]
    """For each run, its cells that another run lacks."""
    notes: tuple[str, ...]
    """Differences between the runs that were let pass, or that concern a level's make-up."""
    pairs: tuple[Pair, ...]
    """Every other run against the first."""
    rankings: tuple[Ranking, ...]
    """By level."""

    def to_dict(self) -> Json:
        """The comparison in plain JSON types, null where a number is undefined."""
        return plain(asdict(self))


def plain(fields: Mapping[str, object]) -> Json:
    """Fields as JSON values: tuples as lists, floats rounded, null for NaN and infinity."""
    return {key: _plain(value) for key, value in fields.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, _DECIMALS) + 0.0 if math.isfinite(value) else None
    return value
